"""What it costs to decode a JPEG no finer than it is read: `python tests/benchmarks/smaller_decoding.py`.

No film of the collection has more than 384 pixels on its shorter side, and those of a hospital have 2,000: the SIIM
films of one split that have an answer are enlarged to as many and kept as JPEG. Each is read with every pixel decoded,
and as the product reads it (`least_side` of films/decode.py). Prints both AUCs and what is lost, its interval from
resampling patients, and the time that decoding takes. What enlarging makes has no detail of its own beyond the
collection's, and a film's own noise may weigh more: this shows what the decoding does, not what fine detail is worth.
It takes ten minutes on two cores.
"""

from __future__ import annotations

import io
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import click
import numpy as np
from PIL import Image

from lungwise.cli.options import films_option
from lungwise.cli.progress import counted
from lungwise.evaluation.metrics import auc, auc_lost
from lungwise.evaluation.protocol import CONTROLLED, is_controlled
from lungwise.evaluation.results import EvaluatedFilm, contrast
from lungwise.evaluation.schema import Estimate
from lungwise.films import Refusal, open_film
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.films.preprocess import LEAST_SIDE
from lungwise.reading import Reader

SIDE = 2048
"""Pixels on the shorter side of an enlarged film."""
QUALITY = 92
WAYS = {"every pixel": None, "smaller": LEAST_SIDE}

Timed = tuple[EvaluatedFilm, float]
"""A film as it was read, and the milliseconds that its decoding took."""


@click.command()
@films_option
@click.option("--split", default="test", show_default=True, type=click.Choice(["val", "test"]))
@click.option("--every", default=1, show_default=True, type=click.IntRange(1), help="Only one film in so many.")
@click.option("--processes", default=2, show_default=True, type=click.IntRange(1), help="How many films at a time.")
def main(films: Path, split: str, every: int, processes: int) -> None:
    """Measure what is lost."""
    chosen = [film for film in read_collection(films) if film.split == split and is_controlled(film)][::every]
    with ProcessPoolExecutor(processes) as pool:
        read = list(counted(pool.map(_read, chosen), "films", len(chosen)))
    both = [pair for pair in read if all(film.reading for film, _ in pair)]
    click.echo(
        f"{len(chosen)} films of {split}, enlarged to {SIDE} pixels; refused either way: {len(read) - len(both)}"
    )
    whole, smaller = (contrast([pair[way][0] for pair in both], CONTROLLED) for way in range(2))
    for way, (name, found) in enumerate(zip(WAYS, (whole, smaller), strict=True)):
        spent = float(np.median([pair[way][1] for pair in read]))
        click.echo(f"{name}: AUC {_said(auc(found))}, decoded in {spent:.1f} ms (median)")
    moved = float(np.median(abs(whole.score - smaller.score)))
    click.echo(f"lost {_said(auc_lost(whole, smaller))}; median change of the score {moved:.5f}")


def _read(film: LabelledFilm) -> tuple[Timed, ...]:
    """Read an enlarged film in each way."""
    data = _enlarged(film.path)
    return tuple(_outcome(film, data, least_side) for least_side in WAYS.values())


@cache
def _reader() -> Reader:
    """Return this process's own."""
    return Reader()


def _outcome(film: LabelledFilm, data: bytes, least_side: int | None) -> Timed:
    began = time.process_time()
    try:
        opened = open_film(data, least_side=least_side)
        spent = 1000 * (time.process_time() - began)
        return EvaluatedFilm(film=film, outcome=_reader().read(opened)), spent
    except Refusal as refusal:
        return EvaluatedFilm(film=film, outcome=refusal), 1000 * (time.process_time() - began)


def _enlarged(path: Path) -> bytes:
    """Return a film of SIDE pixels as JPEG."""
    with Image.open(path) as image:
        scale = SIDE / min(image.size)
        size = round(image.width * scale), round(image.height * scale)
        large = image.convert("L").resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    large.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _said(found: Estimate) -> str:
    return f"{found['value']:.4f} ({found['lower']:.4f} to {found['upper']:.4f})"


if __name__ == "__main__":
    main()
