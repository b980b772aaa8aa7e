"""A smaller copy of a collection: every film a WebP of at most 288 pixels, about 4 kB.

It has the same layout, so that whatever takes a `films.csv` takes the copy's; it is quickly moved to another machine
and loaded there in seconds. The films are a little coarser than those that a network is measured on.
"""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lungwise.films import Refusal, open_film
from lungwise.films.collection import read_collection
from lungwise.training.fit import Progress
from lungwise.training.learnable import learnable

SIDE = 288
_QUALITY = 75


def pack(films_csv: Path, folder: Path, splits: tuple[str, ...], progress: Progress) -> int:
    """Write `films.csv` and the films of some splits into a folder; return how many films there are.

    What a reader would refuse is left out, and what may not be learnt from: a copy without `test` cannot tell.

    Raises
    ------
    OSError
        If a film cannot be read, or the folder cannot be written.
    ValueError
        If a column is missing.
    """
    kept = {film.path for film in learnable(read_collection(films_csv), progress).films}
    with films_csv.open(newline="", encoding="utf-8-sig") as table:
        rows = [row for row in csv.DictReader(table) if row["split"] in splits]
    rows = [row for row in rows if films_csv.parent / row["film"] in kept]
    packed = []
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for done, row in enumerate(pool.map(partial(_packed, films_csv.parent, folder), rows), start=1):
            packed += [row] if row else []
            progress("packing films", done, len(rows))
    with (folder / "films.csv").open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, rows[0])
        writer.writeheader()
        writer.writerows(packed)
    return len(packed)


def _packed(origin: Path, folder: Path, row: dict[str, str]) -> dict[str, str] | None:
    """Write a film; return its row, or None where a reader would refuse it."""
    try:
        film = open_film((origin / row["film"]).read_bytes())
    except Refusal:
        return None
    image = Image.fromarray((film.pixels * 255).round().astype(np.uint8))
    image.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    path = Path(row["film"]).with_suffix(".webp")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    image.save(folder / path, quality=_QUALITY)
    return row | {"film": path.as_posix()}
