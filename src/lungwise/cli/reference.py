"""`lungwise reference`: how the shipped model answers its validation films, for the page on its steadiness."""

from __future__ import annotations

from pathlib import Path

import click

from lungwise.cli.errors import one_line_errors
from lungwise.cli.options import films_option
from lungwise.cli.progress import counted
from lungwise.evaluation.protocol import CONTROLLED, OPERATING_SPLIT
from lungwise.evaluation.results import read_films
from lungwise.films.collection import read_collection
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.drift import REFERENCE, Reference, spread_of, write_reference
from lungwise.reading import Reader


@click.command()
@films_option
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=REFERENCE,
    show_default="beside the model",
    help="Write it here.",
)
@one_line_errors
def reference(films: Path, output: Path) -> None:
    """Write how the model answers its validation films, which the page on its steadiness compares with.

    To be run after `lungwise export`: another model answers otherwise.
    """
    chosen = [
        film for film in read_collection(films) if (film.split, film.source) == (OPERATING_SPLIT, CONTROLLED.source)
    ]
    reader = Reader()
    results = read_films(reader, chosen, counted)
    spread = spread_of([result.reading.probability if result.reading else None for result in results])
    source = f"{CONTROLLED.source} {OPERATING_SPLIT}"
    model = Model(name=reader.model, version=reader.version)
    write_reference(Reference(model=model, films=source, spread=spread), output)
    click.echo(f"{spread.films} films of {source}: {spread.bands} by fifths of probability, {spread.refused} refused.")
