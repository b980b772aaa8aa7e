"""Find the bright-edged four-sided thing in a photograph: lines first, then the four that close.

Straight lines by a Hough transform in slope and intercept (Duda & Hart, Commun. ACM 15 (1972) 11),
nearly upright and nearly level ones apart, since a film is photographed more or less as it hangs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungwise.films.photograph.perspective import Corners

Grey = NDArray[np.float32]

_STEEPEST = 0.35
"""Slope of a side against its axis: 19 degrees, of tilt and perspective together."""

_SLOPES = np.linspace(-_STEEPEST, _STEEPEST, 57)
_LINES = 20
_APART = 4.0
"""Pixels between two lines, on the mean of their ends; nearer ones are one line."""

_SAMPLES = 64
_ALIGNED = 0.2
_FAINTEST_EDGE = 0.015
"""Grey levels a pixel, of 1: weaker gradients are texture."""

_SHORTEST_SIDE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Quadrilateral:
    """Four sides that close.

    Parameters
    ----------
    corners
        In pixels of the picture searched.
    support
        The least supported side's share of edge under it, in [0, 1].
    darker_inside
        Whether all four sides are darker within than without, as a film on lit glass is.
    """

    corners: Corners
    support: float
    darker_inside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edges:
    """Edges across one axis: `sign` (rows, columns) is -1, 0 or 1 by which side is brighter; `slope` of each."""

    sign: NDArray[np.float32]
    slope: NDArray[np.float32]


def quadrilaterals(grey: Grey, surest: float) -> list[Quadrilateral]:
    """Return every quadrilateral whose four sides are supported at least so far, the surest first.

    Parameters
    ----------
    grey
        (height, width) in [0, 1], some 300 pixels on its longer side.
    surest
        Lowest support of its weakest side.
    """
    across, along = np.gradient(_smooth(grey))[::-1]
    upright, level = _edges(across, along), _edges(along.T, across.T)
    found = _closed(_lines(upright), _lines(level), grey.shape)
    signs = np.stack([*_signs(upright, found[:, [0, 3, 1, 2]]), *_signs(level, found[:, [0, 1, 3, 2]][..., ::-1])])
    support, darker = np.abs(signs).min(0), (signs * np.array([-1, 1, -1, 1])[:, None] > 0).all(0)
    order = np.argsort(-support, kind="stable")
    return [
        Quadrilateral(corners=found[n], support=float(support[n]), darker_inside=bool(darker[n]))
        for n in order
        if support[n] >= surest
    ]


def _smooth(grey: Grey) -> Grey:
    for _ in range(2):
        for axis in (0, 1):
            before, after = (np.roll(grey, by, axis) for by in (-1, 1))
            grey = np.asarray((before + 2 * grey + after) / 4, np.float32)
    return grey


def _edges(across: Grey, along: Grey) -> _Edges:
    """`across` is the gradient along the rows: of upright edges."""
    upright = (np.abs(across) > _FAINTEST_EDGE) & (np.abs(along) < np.abs(across) * (_STEEPEST + _ALIGNED))
    upright &= np.abs(across) >= np.maximum(np.abs(np.roll(across, 1, 1)), np.abs(np.roll(across, -1, 1)))
    upright[:, :2] = upright[:, -2:] = upright[:2] = upright[-2:] = False  # the smoothing wraps around
    slope = np.divide(-along, across, out=np.zeros_like(across), where=upright)
    return _Edges(sign=np.where(upright, np.sign(across), 0).astype(np.float32), slope=slope)


def _lines(edges: _Edges) -> NDArray[np.float64]:
    """Return the strongest upright lines: (n, 2), where each crosses the middle row, and its slope."""
    height, width = edges.sign.shape
    rows, columns = np.nonzero(edges.sign)
    sign, slope = edges.sign[rows, columns], edges.slope[rows, columns]
    counts = np.stack(
        [_count(columns - s * (rows - height / 2), sign * (np.abs(slope - s) < _ALIGNED), width) for s in _SLOPES]
    )
    chosen: list[tuple[float, float]] = []
    for at in np.argsort(-counts, axis=None, kind="stable"):
        s, x = divmod(int(at), width)
        if all(_distance(x + 0.5, _SLOPES[s], *other, height) >= _APART for other in chosen):
            chosen.append((x + 0.5, float(_SLOPES[s])))
        if len(chosen) == _LINES or counts.flat[at] < _SHORTEST_SIDE * height / 2:
            break
    return np.array(chosen, np.float64).reshape(-1, 2)


def _count(crossing: NDArray[np.float64], sign: NDArray[np.float32], width: int) -> NDArray[np.float64]:
    """Edges of one sign less those of the other, by where their line crosses the middle row."""
    inside = (crossing >= 0) & (crossing < width)
    counted: NDArray[np.float64] = np.abs(np.bincount(crossing[inside].astype(np.intp), sign[inside], width))
    return counted


def _distance(x: float, slope: float, other_x: float, other_slope: float, height: int) -> float:
    """Mean distance of two lines at their ends."""
    apart, turned = x - other_x, (slope - other_slope) * height / 2
    return (abs(apart + turned) + abs(apart - turned)) / 2


def _closed(upright: NDArray[np.float64], level: NDArray[np.float64], shape: tuple[int, ...]) -> Corners:
    """Return every two upright and two level lines as corners: (n, 4, 2)."""
    height, width = shape
    sides = [_pairs(upright, width * _SHORTEST_SIDE), _pairs(level, height * _SHORTEST_SIDE)]
    a, b = (np.repeat(lines, len(sides[1]), 0) for lines in (sides[0][:, 0], sides[0][:, 1]))
    c, d = (np.tile(lines, (len(sides[0]), 1)) for lines in (sides[1][:, 0], sides[1][:, 1]))
    corners = np.stack([_crossing(side, edge, shape) for side, edge in ((a, c), (b, c), (b, d), (a, d))], 1)
    inside = ((corners > -2) & (corners < np.array((width, height)) + 2)).all((1, 2))
    return corners[inside]


def _pairs(lines: NDArray[np.float64], apart: float) -> NDArray[np.float64]:
    """Return every two lines far enough apart, the one that comes first before the other: (n, 2, 2)."""
    ordered = lines[np.argsort(lines[:, 0])]
    pairs = [(one, other) for n, one in enumerate(ordered) for other in ordered[n + 1 :] if other[0] - one[0] >= apart]
    return np.array(pairs, np.float64).reshape(-1, 2, 2)


def _crossing(upright: NDArray[np.float64], level: NDArray[np.float64], shape: tuple[int, ...]) -> Corners:
    """Return where x = a + s (y - height / 2) meets y = c + t (x - width / 2): (n, 2)."""
    (a, s), (c, t) = upright.T, level.T
    x = (a + s * (c - t * shape[1] / 2 - shape[0] / 2)) / (1 - s * t)
    return np.stack([x, c + t * (x - shape[1] / 2)], 1)


def _signs(edges: _Edges, corners: Corners) -> list[NDArray[np.float64]]:
    """Mean sign of the edge under each of two upright sides; `corners` are the ends of one, then of the other."""
    share = np.linspace(0.03, 0.97, _SAMPLES)[:, None]
    signs = []
    for start, end in ((corners[:, 0], corners[:, 1]), (corners[:, 2], corners[:, 3])):
        points = start[:, None] + (end - start)[:, None] * share
        signs.append(_sign_at(edges, points, _slope(start, end)).mean(1, dtype=np.float64))
    return signs


def _slope(start: Corners, end: Corners) -> NDArray[np.float64]:
    run = end - start
    slope: NDArray[np.float64] = run[:, 0] / np.where(np.abs(run[:, 1]) < 1, 1, run[:, 1])
    return slope


def _sign_at(edges: _Edges, points: Corners, slope: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the sign of the edge within two pixels of each point that runs as its side does: (n, samples)."""
    height, width = edges.sign.shape
    rows = np.clip(np.rint(points[..., 1]), 0, height - 1).astype(np.intp)
    found = np.zeros(rows.shape, np.float32)
    for by in (2, -2, 1, -1, 0):
        columns = np.clip(np.rint(points[..., 0] + by), 0, width - 1).astype(np.intp)
        along = (edges.sign[rows, columns] != 0) & (np.abs(edges.slope[rows, columns] - slope[:, None]) < _ALIGNED)
        found = np.where(along, edges.sign[rows, columns], found)
    return found
