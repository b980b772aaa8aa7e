"""`lungwise train`: a recipe in, a run folder out."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lungwise.cli.errors import one_line_errors
from lungwise.cli.options import films_option
from lungwise.cli.progress import progress

_INIT = "A pretrained trunk, or the weights of a run to go on from."
_TEACHER = (
    "An earlier model's folder: its opinion of each training film softens the labels. More than once: their mean."
)


@click.command()
@click.argument("recipe")
@films_option
@click.option("--init", type=click.Path(exists=True, dir_okay=False, path_type=Path), help=_INIT)
@click.option(
    "--teacher", "teachers", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help=_TEACHER
)
@click.option("--resume", is_flag=True, help="Go on from the last whole epoch in the output folder.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="The run folder [runs/RECIPE].")
@one_line_errors
def train(
    recipe: str, films: Path, init: Path | None, teachers: tuple[Path, ...], resume: bool, output: Path | None
) -> None:
    """Train a network by RECIPE, the name of a shipped one or a TOML file.

    Prints the metrics of each epoch as it ends, one JSON object a line.
    """
    from lungwise.films.collection import read_collection
    from lungwise.reading.artefact import load_artefact
    from lungwise.training.fit import Run
    from lungwise.training.recipe import read_recipe

    settings, collection = read_recipe(recipe), read_collection(films)
    run = Run(settings, output or Path("runs") / settings.name, [load_artefact(folder) for folder in teachers])
    if resume:
        run.resume(collection)
    else:
        run.start(init, collection)
    with progress() as report:
        run.fit(collection, report, lambda metrics: click.echo(json.dumps(metrics)))
    click.echo(f"The run is in {run.folder}. Next: lungwise export {run.folder}")
