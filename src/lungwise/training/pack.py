"""A smaller copy of a collection: every film a WebP of at most 288 pixels, about 4 kB.

It has the same layout, so that whatever takes a `films.csv` takes the copy's; it is quickly moved to another machine
and loaded there in seconds. The films are a little coarser than those that a network is measured on.
"""

from __future__ import annotations

import csv
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lungwise.films import Refusal, open_film
from lungwise.films.collection import read_collection
from lungwise.training.fit import Progress, replace_file
from lungwise.training.learnable import learnable

TABLE = "films.csv"
"""The copy's table, written last."""
SIDE = 288
_QUALITY = 75


def pack(films_csv: Path, folder: Path, splits: tuple[str, ...], progress: Progress) -> int:
    """Write `films.csv` and the films of some splits into a folder; return how many films there are.

    What a reader would refuse is left out, and what may not be learnt from: a copy without `test` cannot tell. A film
    without a patient has its name in the collection as its patient, so that it is in the same fold as there.

    Raises
    ------
    OSError
        If a film cannot be read, or the folder cannot be written.
    ValueError
        If the folder holds a collection, no film is of these splits, two have one name but for their endings, or the
        table cannot be understood.
    """
    if (folder / TABLE).exists() or folder.resolve() == films_csv.parent.resolve():
        raise ValueError(f"{folder} holds a collection already. Name another folder for the copy, or remove that one.")
    collection = read_collection(films_csv)
    with films_csv.open(newline="", encoding="utf-8-sig") as table:
        rows = [row for row in csv.DictReader(table) if row["split"] in splits]
    if not rows:
        raise ValueError(f"{films_csv} has no films of the split {' or '.join(splits)}. Choose another --split.")
    kept = {film.path for film in learnable(collection, progress).films}
    rows = [row for row in rows if films_csv.parent / row["film"] in kept]
    names = Counter(_packed_name(row) for row in rows)
    if len(names) < len(rows):
        raise ValueError(f"{films_csv} has two films that would both become {names.most_common(1)[0][0]}. Rename one.")
    folder.mkdir(parents=True, exist_ok=True)
    packed = []
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for done, row in enumerate(pool.map(partial(_packed, films_csv.parent, folder), rows), start=1):
            packed += [row] if row else []
            progress("packing films", done, len(rows))
    replace_file(folder / TABLE, partial(_write_rows, list(rows[0]), packed))
    return len(packed)


def _write_rows(columns: list[str], rows: list[dict[str, str]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, columns)
        writer.writeheader()
        writer.writerows(rows)


def _packed_name(row: dict[str, str]) -> Path:
    return Path(row["film"]).with_suffix(".webp")


def _packed(origin: Path, folder: Path, row: dict[str, str]) -> dict[str, str] | None:
    """Write a film; return its row, or None where a reader would refuse it."""
    try:
        film = open_film((origin / row["film"]).read_bytes())
    except Refusal:
        return None
    image = Image.fromarray((film.pixels * 255).round().astype(np.uint8))
    image.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    path = _packed_name(row)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    image.save(folder / path, quality=_QUALITY)
    return row | {"film": path.as_posix(), "patient": row["patient"] or row["film"]}
