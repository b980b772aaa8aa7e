"""`lungwise pack`: a collection in, a smaller copy of it out."""

from __future__ import annotations

from pathlib import Path

import click

from lungwise.cli.errors import one_line_errors
from lungwise.cli.options import films_option
from lungwise.cli.progress import progress
from lungwise.evaluation import protocol


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@films_option
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(protocol.SPLITS),
    default=("train", "val"),
    show_default=True,
    help="Which films.",
)
@one_line_errors
def pack(folder: Path, films: Path, splits: tuple[str, ...]) -> None:
    """Write a copy of a collection into FOLDER, small enough to be moved to the machine that trains.

    FOLDER must not hold a collection.
    """
    from lungwise.training.pack import pack as write

    with progress() as report:
        count = write(films, folder, splits, report)
    click.echo(f"{count} films are in {folder}. Next: lungwise train RECIPE --films {folder / 'films.csv'}")
