"""Options that several commands share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

BESIDE = Path("../shared/cxr/films.csv")
"""Where a collection lies beside a checkout."""


class NumberRange(click.FloatRange):
    """A range of numbers. NaN is in none: click takes it for being in each."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """Return a value of the option as a number of the range."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


def collection_beside() -> Path | None:
    """Return the collection beside the working folder, if there is one: the default of `--films`."""
    return BESIDE if BESIDE.is_file() else None


def _must_be_named(ctx: click.Context, param: click.Parameter, films: Path | None) -> Path:
    if films is None:
        raise click.MissingParameter(ctx=ctx, param=param)
    return films


films_option = click.option(
    "--films",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="LUNGWISE_FILMS",
    show_envvar=True,
    default=collection_beside,
    callback=_must_be_named,
    help=f"The films.csv of a labelled collection.  [default: {BESIDE}, if it exists]",
)
