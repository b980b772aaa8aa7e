"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

BESIDE = Path("../shared/cxr/films.csv")
"""Where a collection lies beside a checkout."""


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
