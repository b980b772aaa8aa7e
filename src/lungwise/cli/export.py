"""`lungwise export`: a run folder in, the artefact out."""

from __future__ import annotations

from pathlib import Path

import click

from lungwise.cli.errors import one_line_errors
from lungwise.cli.options import films_option
from lungwise.cli.progress import progress
from lungwise.reading.artefact import WEIGHTS, read_card


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@films_option
@click.option("--version", "model_version", help="The artefact's version  [default: the next after the one there]")
@click.option("--output", default=WEIGHTS, type=click.Path(file_okay=False, path_type=Path), help="Where it goes.")
@one_line_errors
def export(run: Path, films: Path, model_version: str | None, output: Path) -> None:
    """Calibrate, quantise and write what RUN has learnt.

    Fails, and leaves the artefact that is there, if RUN has not learnt all epochs of its recipe, or if int8 loses
    more than 0.003 AUC or flips more than 1 % of the verdicts on the validation films.
    """
    from lungwise.films.collection import read_collection
    from lungwise.training.export import export as write
    from lungwise.training.learnable import learnable

    with progress() as report:
        version = model_version or next_version(output)
        collection = learnable(read_collection(films), report)
        click.echo(collection, err=True)
        card = write(run, collection.films, version, output, report, films.parent)
    click.echo(f"{card.name} {card.version} is in {output}: {card.metrics['val']}")


def next_version(folder: Path) -> str:
    """The minor version after the artefact's that lies in a folder; 1.0.0 where none does."""
    card = folder / "card.json"
    if not card.exists():
        return "1.0.0"
    major, minor, _ = read_card(card).version.split(".")
    return f"{major}.{int(minor) + 1}.0"
