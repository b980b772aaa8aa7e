"""Whether the heat map lies where radiologists drew boxes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from lungwise.films.collection import Box

_FINE = 16
"""Boxes are drawn on a grid this much finer than the heat map."""


def points_inside(spot: tuple[float, float], boxes: Iterable[Box]) -> bool:
    """Whether x, y lies in one of the boxes: the pointing game of one film.

    Zhang et al., Int. J. Comput. Vis. 126 (2018) 1084.
    """
    x, y = spot
    return any(left <= x <= left + width and top <= y <= top + height for left, top, width, height in boxes)


def energy_inside(heat_map: NDArray[np.float32], boxes: Iterable[Box]) -> float:
    """Share of the heat map's sum inside the boxes, in [0, 1]; 0 of a map without heat."""
    total = float(heat_map.sum(dtype=np.float64))
    inside = float((heat_map * covered(boxes, heat_map.shape)).sum(dtype=np.float64))
    return min(inside / total, 1.0) if total > 0 else 0.0


def covered(boxes: Iterable[Box], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Share of each cell of a grid inside any of the boxes."""
    rows, columns = shape
    inside = np.zeros((rows * _FINE, columns * _FINE))
    for x, y, width, height in boxes:
        inside[_cells(y, height, len(inside)), _cells(x, width, inside.shape[1])] = 1
    share: NDArray[np.float64] = inside.reshape(rows, _FINE, columns, _FINE).mean((1, 3))
    return share


def _cells(start: float, length: float, side: int) -> slice:
    return slice(max(round(start * side), 0), max(round((start + length) * side), 0))
