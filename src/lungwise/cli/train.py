"""`lungwise train`: a recipe in, a run folder out."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path

import click

from lungwise.cli.errors import one_line_errors
from lungwise.cli.options import NumberRange, films_option
from lungwise.cli.progress import progress


@click.command()
@click.argument("recipe")
@films_option
@click.option(
    "--init",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A pretrained trunk, or the weights of a run to go on from.",
)
@click.option(
    "--predictions",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A table of out-of-fold predictions by other networks, from which is learnt beside the teachers' own. "
    "Films are found by name, whatever their ending; the tables must know 90 % of the chest films to be learnt.",
)
@click.option(
    "--without",
    multiple=True,
    metavar="SOURCE",
    help="Learn nothing from this source, to see how well the others prepare for it. Tables of --predictions must not "
    "have its films: their networks saw them.",
)
@click.option(
    "--fold", metavar="K", type=click.IntRange(0), help="Leave fold K of the patients out; predict it at the end."
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from where the run in the output folder was last saved, by the same command; begin where nothing was.",
)
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="The run folder [runs/RECIPE].")
@click.option("--device", help="Where to compute, as torch names it  [default: a graphics card, else the processor]")
@click.option(
    "--precision",
    type=click.Choice(["bfloat16", "float32"]),
    help="Of the forward pass; the weights are float32.  [default: bfloat16 where the device has it, else float32]",
)
@click.option("--minutes", type=NumberRange(min=0, min_open=True), help="Stop after so long; --resume goes on.")
@one_line_errors
def train(
    recipe: str,
    films: Path,
    init: Path | None,
    predictions: tuple[Path, ...],
    without: tuple[str, ...],
    fold: int | None,
    resume: bool,
    output: Path | None,
    device: str | None,
    precision: str | None,
    minutes: float | None,
) -> None:
    """Train a network by RECIPE, the name of a shipped one or a TOML file.

    Where the recipe has teachers, their networks are trained first, each in a folder beside the output; those that
    are there already, of the same recipe, initial weights and films, are taken as they are. Prints the metrics of each
    epoch as it ends, one JSON object a line. Ends with exit code 75 where the time is used up.
    """
    from lungwise.training.fit import OutOfTimeError
    from lungwise.training.recipe import read_recipe
    from lungwise.training.train import Plan, device_named, precision_named
    from lungwise.training.train import train as train_all

    settings = read_recipe(recipe)
    name = settings.name if fold is None else f"{settings.name}-fold-{fold}"
    folder = output or Path("runs") / name
    with progress() as report:
        where = device_named(device)
        plan = Plan(
            films_csv=films,
            init=init,
            predictions=predictions,
            without=without,
            resume=resume,
            device=where,
            precision=precision_named(precision, where),
            progress=report,
            report=lambda metrics: click.echo(json.dumps(metrics)),
            notify=lambda said: click.echo(said, err=True),
            deadline=time.monotonic() + minutes * 60 if minutes else math.inf,
        )
        try:
            train_all(settings, folder, plan, fold)
        except OutOfTimeError as error:
            click.echo(f"{error} Go on with --resume.", err=True)
            raise SystemExit(os.EX_TEMPFAIL) from error
    click.echo(f"The run is in {folder}. Next: lungwise export {folder}")
