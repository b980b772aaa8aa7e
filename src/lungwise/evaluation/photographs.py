"""The controlled question on photographs of its films: what finding, straightening and the camera cost."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lungwise.evaluation.metrics import auc, auc_lost, proportion
from lungwise.evaluation.protocol import CONTROLLED
from lungwise.evaluation.results import EvaluatedFilm, FilmReader, Track, compared, contrast, has_both_sides
from lungwise.evaluation.schema import Photographs
from lungwise.films import Refusal, open_film
from lungwise.films.collection import LabelledFilm
from lungwise.films.photograph.detection import find_film
from lungwise.films.photograph.simulation import photograph


def photographed(reader: FilmReader, results: Sequence[EvaluatedFilm], track: Track) -> Photographs | None:
    """Photograph the films of the controlled question that were read, and read the photographs as files.

    None of films with one side only.
    """
    originals = [EvaluatedFilm(film=film, outcome=reading) for film, reading in compared(results, CONTROLLED)]
    if not has_both_sides(originals, CONTROLLED):
        return None
    with tempfile.TemporaryDirectory(prefix="lungwise-photographs-") as folder:
        taken = [Path(folder) / f"{number}.jpg" for number in range(len(originals))]
        rows = zip(track(originals, "taking photographs", len(originals)), taken, strict=True)
        errors = [_take(result.film, number, path) for number, (result, path) in enumerate(rows)]
        read = track(reader.read_many(taken), "reading photographs", len(originals))
        outcomes = [file.outcome for file in read]
    pairs = zip(originals, outcomes, strict=True)
    return _measured(originals, [EvaluatedFilm(film=one.film, outcome=outcome) for one, outcome in pairs], errors)


def _take(film: LabelledFilm, seed: int, path: Path) -> float | None:
    """Write a photograph; the farthest corner's error where the film is found, as a share of the longer side."""
    taken = photograph(open_film(film.path.read_bytes()).pixels, seed)
    path.write_bytes(taken.jpeg)
    with Image.open(io.BytesIO(taken.jpeg)) as image:
        found = find_film(image)
        if found is None or not open_film(taken.jpeg).photograph:
            return None
        return float(np.linalg.norm(found - taken.corners * image.size, axis=1).max()) / max(image.size)


def _measured(
    originals: list[EvaluatedFilm], photographs: list[EvaluatedFilm], errors: list[float | None]
) -> Photographs | None:
    pairs = [(before, after) for before, after in zip(originals, photographs, strict=True) if after.reading]
    before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    found = proportion([error is not None for error in errors])
    refused = proportion([isinstance(result.outcome, Refusal) for result in photographs])
    if found is None or refused is None or not has_both_sides(after, CONTROLLED):
        return None
    sides = contrast(before, CONTROLLED), contrast(after, CONTROLLED)
    near = [error for error in errors if error is not None]
    return {
        "task": CONTROLLED.name,
        "found": found,
        "corner_error": round(float(np.median(near)), 6) if near else 1.0,
        "refused": refused,
        "auc": auc(sides[0]),
        "photographed_auc": auc(sides[1]),
        "lost": auc_lost(*sides),
    }
