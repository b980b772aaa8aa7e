"""`lungwise refit`: a model in, the same with its heads fitted anew out."""

from __future__ import annotations

from pathlib import Path

import click

from lungwise.cli.errors import one_line_errors
from lungwise.cli.export import next_version
from lungwise.cli.options import films_option
from lungwise.cli.progress import progress
from lungwise.reading.artefact import WEIGHTS


@click.command()
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@films_option
@click.option(
    "--predictions",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A table of out-of-fold predictions by networks that have not seen the films' patients.",
)
@click.option("--recipe", default="inception_v3", show_default=True, help="Whose shares and smoothing are used.")
@click.option("--version", "model_version", help="The artefact's version  [default: the next after the one there]")
@click.option("--output", default=WEIGHTS, type=click.Path(file_okay=False, path_type=Path), help="Where it goes.")
@one_line_errors
def refit(
    model: Path, films: Path, predictions: tuple[Path, ...], recipe: str, model_version: str | None, output: Path
) -> None:
    """Fit the heads of the MODEL in a folder anew on a collection, and calibrate it.

    What the network sees stays, and so do its heat map and its gate; what it says of it is learnt again from the
    collection's `train` films, calibrated on its `val` films. Fails as `lungwise export` does.
    """
    from lungwise.films.collection import read_collection
    from lungwise.training.export import refit as write
    from lungwise.training.learnable import learnable
    from lungwise.training.out_of_fold import mean_predictions, read_others
    from lungwise.training.recipe import read_recipe

    with progress() as report:
        collection = learnable(read_collection(films), report)
        click.echo(collection, err=True)
        said = mean_predictions(read_others(predictions, films.parent, collection.films, []))
        version = model_version or next_version(output)
        card = write(model, collection.films, read_recipe(recipe), said, version, output, report, films.parent)
    click.echo(f"{card.name} {card.version} is in {output}: {card.metrics['val']}")
