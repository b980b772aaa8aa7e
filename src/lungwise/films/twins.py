"""Finds films of a collection that are the same picture, as publishers take films from each other.

Films are compared by thumbnails in which every place is held against its surroundings, so that size, compression, grey
levels and squashing to a square count little. Those nearest to each other are compared again with the
margins of one moved until they fit best, since some publishers crop.

`SAME` was chosen by looking at the pairs of a collection of 16,000 films as pictures, from the likest down. All above
it are the same picture; the first that is not, two films of one patient on which gas in the stomach has moved, has
0.937. The same picture with arrows and a date drawn on it may have less, and is missed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungwise.films.collection import LabelledFilm
from lungwise.films.decode import open_film
from lungwise.films.preprocess import preprocess
from lungwise.films.refusals import Refusal

Thumbnail = NDArray[np.uint8]
"""(64, 64) stretched grey; of one grey level where a reader would refuse the film."""
Pair = tuple[LabelledFilm, LabelledFilm]

Track = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""Passes items through and shows how many have come; called with what is being done, and to how many."""

SIDE = 64
SAME = 0.94
"""Correlation from which two films, once their margins are cut alike, are the same picture."""

_COARSE, _FINE = 32, 48
_MARGIN = 12
"""Of 64: as far as a film's margins may be from another's."""
_STEPS = (3.0, 1.5, 0.75, 0.4)
_SIDES = np.concatenate([np.eye(4), [[1, 0, -1, 0], [0, 1, 0, -1], [1, 1, 1, 1]]])
_MOVES = np.concatenate([_SIDES, -_SIDES])
_FLAT = 0.01
"""Contrast, of grey in [0, 1], that is as likely to be compression as anatomy."""
_NEAREST = 3
_HOPELESS = 0.7
"""Whatever is below this at the first, coarse steps has never reached `SAME`."""
_BLOCK = 512


def join_twins(films: Sequence[LabelledFilm], track: Track) -> tuple[list[LabelledFilm], set[Path]]:
    """Return the films, in their order, as `joined` names their patients, and those that their twin contradicts.

    Raises
    ------
    OSError
        If a film cannot be read.
    """
    pairs = find_twins(films, track)
    return joined(films, pairs), contradicted(pairs)


def find_twins(films: Sequence[LabelledFilm], track: Track) -> list[Pair]:
    """Return the pairs of films that are the same picture; films that a reader would refuse are in none.

    Raises
    ------
    OSError
        If a film cannot be read.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        thumbnails = [*track(pool.map(_thumbnail, films), "making thumbnails", len(films))]
    squares = np.array(thumbnails, np.uint8).reshape(len(films), SIDE, SIDE)
    candidates = _candidates(squares)
    tracked = track(candidates, "looking for the same picture", len(candidates))
    return [(films[a], films[b]) for a, b in tracked if _aligned(squares[a], squares[b]) > SAME]


def _thumbnail(film: LabelledFilm) -> Thumbnail:
    try:
        pixels = open_film(film.path.read_bytes(), least_side=SIDE).pixels
    except Refusal:
        return np.zeros((SIDE, SIDE), np.uint8)
    return np.rint(preprocess(pixels, SIDE) * 255).astype(np.uint8)


def joined(films: Iterable[LabelledFilm], pairs: Sequence[Pair]) -> list[LabelledFilm]:
    """Return the films with one patient's name for all patients who share a picture."""
    named = {film.patient: film.patient for pair in pairs for film in pair}
    for one, other in pairs:
        kept, given_up = sorted((named[one.patient], named[other.patient]))
        named = {patient: kept if name == given_up else name for patient, name in named.items()}
    return [replace(film, patient=named.get(film.patient, film.patient)) for film in films]


def contradicted(pairs: Iterable[Pair]) -> set[Path]:
    """Return the films whose twin is said to have what they are said not to have."""
    return {film.path for one, other in pairs if _contradict(one, other) for film in (one, other)}


def _contradict(one: LabelledFilm, other: LabelledFilm) -> bool:
    said = ((one.covid, other.covid), (one.tuberculosis, other.tuberculosis), (one.normal, other.normal))
    return any({*both} == {True, False} for both in said)


def _candidates(squares: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Pairs of which each is among the three that are most like the other."""
    starts = range(0, len(squares), _BLOCK)
    details = [_detail(_coarse(squares[at : at + _BLOCK])) for at in starts]
    near = [set[int]() for _ in squares]
    for at, block in zip(starts, details, strict=True):
        alike = block @ np.concatenate(details).T
        rows = np.arange(len(block))
        alike[rows, at + rows] = -1
        nearest = np.argpartition(-alike, min(_NEAREST, len(squares) - 1), axis=1)[:, :_NEAREST]
        near[at : at + _BLOCK] = [set(row) for row in nearest.tolist()]
    return [(a, b) for a, its in enumerate(near) for b in sorted(its) if a < b and a in near[b]]


def _coarse(squares: NDArray[np.uint8]) -> NDArray[np.float32]:
    cell = SIDE // _COARSE
    return np.asarray(squares.reshape(-1, _COARSE, cell, _COARSE, cell).mean((2, 4)), np.float32)


def _aligned(one: Thumbnail, other: Thumbnail) -> float:
    """Correlation of a thumbnail with another whose margins are cut or widened as far as that helps."""
    aim = _detail(_windows(one, np.zeros((1, 4))))[0]
    wide = np.pad(other, _MARGIN, "edge")
    margins = np.full(4, float(_MARGIN))
    best = float((_detail(_windows(wide, margins[None])) @ aim)[0])
    for step in _STEPS:
        while True:
            tried = np.clip(margins + step * _MOVES, 0, 2 * _MARGIN)
            alike = _detail(_windows(wide, tried)) @ aim
            if alike.max() <= best:
                break
            best, margins = float(alike.max()), tried[alike.argmax()]
        if best < _HOPELESS:
            break
    return best


def _windows(square: Thumbnail, margins: NDArray[np.float64]) -> NDArray[np.float32]:
    """(n, 48, 48) of a thumbnail without `n` left, upper, right and lower margins."""
    image, side = Image.fromarray(square), len(square)
    boxes = [(left, upper, side - right, side - lower) for left, upper, right, lower in margins.tolist()]
    cut = [image.resize((_FINE, _FINE), Image.Resampling.BILINEAR, box) for box in boxes]
    return np.stack([np.asarray(one, np.float32) for one in cut])


def _detail(squares: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, places) how each place differs from its surroundings, as unit vectors; zeros of a picture of one grey."""
    around = squares.shape[1] // 16
    difference = squares - _local_mean(squares, around)
    contrast = np.sqrt(_local_mean(difference**2, around).clip(min=0))
    inner = (difference / (contrast + 255 * _FLAT))[:, around:-around, around:-around]
    rows = inner.reshape(len(squares), -1)
    rows = rows - rows.mean(1, keepdims=True)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(min=1e-3), np.float32)


def _local_mean(squares: NDArray[np.float32], around: int) -> NDArray[np.float32]:
    """Mean over the places up to `around` away."""
    sums, width = (
        np.pad(squares, ((0, 0), (around, around), (around, around)), "edge").astype(np.float64),
        2 * around + 1,
    )
    for axis in (1, 2):
        sums = np.pad(sums.cumsum(axis), [(int(n == axis), 0) for n in range(3)]).swapaxes(1, axis)
        sums = (sums[:, width:] - sums[:, :-width]).swapaxes(1, axis)
    return np.asarray(sums / width**2, np.float32)
