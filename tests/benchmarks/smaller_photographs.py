"""What it costs to make a phone's photographs smaller: `python tests/benchmarks/smaller_photographs.py`.

Photographs the SIIM films of one split that have an answer, as a phone's camera of 12 megapixels would
(films/photograph/simulation.py), reads each photograph as it was taken and as the page sends it
(static/photographs.js), and prints both AUCs and what is lost, its interval from resampling patients: with the film's
corners as a person marks them on the page, and as they are found where nobody does. It takes an hour on two cores.
What is chosen is chosen on `val`; `test` is measured once, afterwards.
"""

from __future__ import annotations

import io
import re
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import click
import numpy as np
from PIL import Image

import lungwise
from lungwise.cli.options import films_option
from lungwise.cli.progress import counted
from lungwise.evaluation.metrics import auc, auc_lost
from lungwise.evaluation.protocol import CONTROLLED, is_controlled
from lungwise.evaluation.results import EvaluatedFilm, contrast
from lungwise.evaluation.schema import Estimate
from lungwise.films import Photographed, Refusal, open_film
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.films.film import photographed_from
from lungwise.films.photograph.simulation import photograph
from lungwise.reading import Reader, Reading

CAMERA = 4032
"""Pixels on the longer side of a phone's photograph."""
SCRIPT = (Path(lungwise.__file__).parent / "static" / "photographs.js").read_text(encoding="utf-8")
LONGEST, QUALITY = (float(re.findall(rf"{name} = ([\d.]+)", SCRIPT)[0]) for name in ("LONGEST_SIDE", "QUALITY"))
WAYS = ("corners marked", "corners found")

Pair = tuple[EvaluatedFilm, EvaluatedFilm]
"""A photograph as it was taken, and made smaller."""


@click.command()
@films_option
@click.option("--split", default="test", show_default=True, type=click.Choice(["val", "test"]))
@click.option("--every", default=1, show_default=True, type=click.IntRange(1), help="Only one film in so many.")
@click.option("--processes", default=2, show_default=True, type=click.IntRange(1), help="How many films at a time.")
def main(films: Path, split: str, every: int, processes: int) -> None:
    """Measure what is lost."""
    chosen = [film for film in read_collection(films) if film.split == split and is_controlled(film)][::every]
    with ProcessPoolExecutor(processes) as pool:
        read = list(counted(pool.map(_read, chosen, range(len(chosen))), "photographs", len(chosen)))
    click.echo(f"{len(read)} photographs of {split}, {CAMERA} pixels as taken, {LONGEST:.0f} made smaller")
    for way, pairs in zip(WAYS, zip(*read, strict=True), strict=True):
        _say(way, list(pairs))


def _read(film: LabelledFilm, seed: int) -> tuple[Pair, Pair]:
    """Read a film's photographs with the corners marked, and with the corners found."""
    taken = photograph(open_film(film.path.read_bytes()).pixels, seed, CAMERA)
    pictures = taken.jpeg, _smaller(taken.jpeg)
    marked, found = (
        tuple(EvaluatedFilm(film=film, outcome=_outcome(_reader(), data, how)) for data in pictures)
        for how in (photographed_from(taken.corners.tolist()), Photographed())
    )
    return (marked[0], marked[1]), (found[0], found[1])


@cache
def _reader() -> Reader:
    """Return this process's own."""
    return Reader()


def _outcome(reader: Reader, data: bytes, how: Photographed) -> Reading | Refusal:
    try:
        return reader.read(open_film(data, how))
    except Refusal as refusal:
        return refusal


def _smaller(jpeg: bytes) -> bytes:
    """Make a photograph smaller as the page does before it sends it."""
    with Image.open(io.BytesIO(jpeg)) as image:
        scale = LONGEST / max(image.size)
        small = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=round(100 * QUALITY))
    return out.getvalue()


def _say(way: str, pairs: list[Pair]) -> None:
    both = [pair for pair in pairs if pair[0].reading and pair[1].reading]
    refused = [sum(pair[side].reading is None for pair in pairs) for side in (0, 1)]
    taken, smaller = (contrast([pair[side] for pair in both], CONTROLLED) for side in (0, 1))
    moved = float(np.median(abs(taken.score - smaller.score)))
    click.echo(f"{way}: refused {refused[0]} as taken, {refused[1]} made smaller")
    click.echo(f"  AUC {_said(auc(taken))} as taken, {_said(auc(smaller))} made smaller")
    click.echo(f"  lost {_said(auc_lost(taken, smaller))}; median change of the score {moved:.4f}")


def _said(found: Estimate) -> str:
    return f"{found['value']:.3f} ({found['lower']:.3f} to {found['upper']:.3f})"


if __name__ == "__main__":
    main()
