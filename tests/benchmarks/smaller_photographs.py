"""What it costs to make a phone's photographs smaller: `python tests/benchmarks/smaller_photographs.py`.

Photographs the SIIM films of `test` that have an answer, as a phone's camera of 12 megapixels would
(films/photograph/simulation.py), reads each photograph as it was taken and as the page sends it
(static/photographs.js), and prints both AUCs and what is lost, its interval from resampling patients. It takes an hour
on two cores.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
from PIL import Image

import lungwise
from lungwise.cli.options import films_option
from lungwise.cli.progress import counted
from lungwise.evaluation.metrics import auc, auc_lost
from lungwise.evaluation.protocol import CONTROLLED
from lungwise.evaluation.results import EvaluatedFilm, contrast
from lungwise.evaluation.schema import Estimate
from lungwise.films import open_film
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.films.photograph.simulation import photograph
from lungwise.reading import Reader

CAMERA = 4032
"""Pixels on the longer side of a phone's photograph."""
SCRIPT = (Path(lungwise.__file__).parent / "static" / "photographs.js").read_text(encoding="utf-8")
LONGEST, QUALITY = (float(re.findall(rf"{name} = ([\d.]+)", SCRIPT)[0]) for name in ("LONGEST_SIDE", "QUALITY"))

Pair = tuple[EvaluatedFilm, EvaluatedFilm]


@click.command()
@films_option
@click.option("--every", default=1, show_default=True, type=click.IntRange(1), help="Only one film in so many.")
def main(films: Path, every: int) -> None:
    """Measure what is lost."""
    labels = CONTROLLED.positive + CONTROLLED.negative
    chosen = [
        film
        for film in read_collection(films)
        if film.split == "test" and film.source == CONTROLLED.source and film.label in labels
    ][::every]
    pairs = list(counted(_read(Reader(), chosen), "photographs", len(chosen)))
    both = [pair for pair in pairs if pair[0].reading and pair[1].reading]
    taken, smaller = (contrast([pair[side] for pair in both], CONTROLLED) for side in (0, 1))
    refused = [sum(pair[side].reading is None for pair in pairs) for side in (0, 1)]
    moved = [abs(one.reading.probability - two.reading.probability) for one, two in both if one.reading and two.reading]
    click.echo(f"{len(pairs)} photographs of {CAMERA} pixels; refused as taken {refused[0]}, made smaller {refused[1]}")
    click.echo(f"AUC as taken {_said(auc(taken))}; at {LONGEST:.0f} pixels {_said(auc(smaller))}")
    click.echo(f"lost {_said(auc_lost(taken, smaller))}; median change of a probability {np.median(moved):.4f}")


def _read(reader: Reader, films: Sequence[LabelledFilm]) -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="lungwise-photographs-") as folder:
        for number, film in enumerate(films):
            taken = photograph(open_film(film.path.read_bytes()).pixels, number, CAMERA).jpeg
            paths = [Path(folder) / name for name in ("taken.jpg", "smaller.jpg")]
            for path, data in zip(paths, (taken, _smaller(taken)), strict=True):
                path.write_bytes(data)
            first, second = (EvaluatedFilm(film=film, outcome=file.outcome) for file in reader.read_many(paths))
            yield first, second


def _smaller(jpeg: bytes) -> bytes:
    """Make a photograph smaller as the page does before it sends it."""
    with Image.open(io.BytesIO(jpeg)) as image:
        scale = LONGEST / max(image.size)
        small = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=round(100 * QUALITY))
    return out.getvalue()


def _said(found: Estimate) -> str:
    return f"{found['value']:.3f} ({found['lower']:.3f} to {found['upper']:.3f})"


if __name__ == "__main__":
    main()
