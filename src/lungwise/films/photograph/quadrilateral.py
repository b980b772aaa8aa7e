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
_REACHES = (4.0, 3.0, 2.0)
"""Pixels within which a side looks for its edge, one time after the other."""

_HELD = 0.01
"""Share of the edge's weight that holds a side where it is: an edge under a part of it must not turn the whole."""


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
    found, signs = _closed(upright, level)
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
    """Edges of one sign less those of the other, by where their line crosses the middle row.

    An edge counts by half for the next columns, since one between two columns is seen now in this, now in that.
    """
    inside = (crossing >= 0) & (crossing < width)
    single = np.bincount(crossing[inside].astype(np.intp), sign[inside], width)
    counted: NDArray[np.float64] = np.abs(np.convolve(single, (0.5, 1, 0.5), "same"))
    return counted


def _distance(x: float, slope: float, other_x: float, other_slope: float, height: int) -> float:
    """Mean distance of two lines at their ends."""
    apart, turned = x - other_x, (slope - other_slope) * height / 2
    return (abs(apart + turned) + abs(apart - turned)) / 2


def _closed(upright: _Edges, level: _Edges) -> tuple[Corners, NDArray[np.float64]]:
    """Return every two upright and two level lines as corners, (n, 4, 2), and the sign under each side, (4, n).

    The sides are the left, the right, the upper and the lower one. Each belongs to many and is looked at once.
    """
    height, width = upright.sign.shape
    columns, rows = _lines(upright), _lines(level)
    met = _crossings(columns, rows, (height, width))
    across, down = _pairs(columns, width * _SHORTEST_SIDE), _pairs(rows, height * _SHORTEST_SIDE)
    beside, above = _signs(upright, met[:, down]), _signs(level, met.swapaxes(0, 1)[:, across][..., ::-1])
    i, j = np.repeat(np.arange(len(across)), len(down)), np.tile(np.arange(len(down)), len(across))
    (a, b), (c, d) = across[i].T, down[j].T
    corners = np.stack([met[a, c], met[b, c], met[b, d], met[a, d]], 1)
    signs = np.stack([beside[a, j], beside[b, j], above[c, i], above[d, i]])
    inside = ((corners > -2) & (corners < np.array((width, height)) + 2)).all((1, 2))
    return corners[inside], signs[:, inside]


def _pairs(lines: NDArray[np.float64], apart: float) -> NDArray[np.intp]:
    """Return the indices of every two lines far enough apart, the one that comes first before the other: (n, 2)."""
    order = np.argsort(lines[:, 0])
    pairs = [(a, b) for n, a in enumerate(order) for b in order[n + 1 :] if lines[b, 0] - lines[a, 0] >= apart]
    return np.array(pairs, np.intp).reshape(-1, 2)


def _crossings(upright: NDArray[np.float64], level: NDArray[np.float64], shape: tuple[int, int]) -> Corners:
    """Return where each x = a + s (y - height / 2) meets each y = c + t (x - width / 2): (uprights, levels, 2)."""
    (a, s), (c, t) = upright.T[..., None], level.T
    x = (a + s * (c - t * shape[1] / 2 - shape[0] / 2)) / (1 - s * t)
    return np.stack([x, c + t * (x - shape[1] / 2)], -1)


def _signs(edges: _Edges, sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean sign of the edge under each of upright sides; `sides` are their two ends, (..., 2, 2)."""
    start, end = sides[..., :1, :], sides[..., 1:, :]
    points = start + (end - start) * np.linspace(0.03, 0.97, _SAMPLES)[:, None]
    signs: NDArray[np.float64] = _sign_at(edges, points, _slope(start, end)).mean(-1, dtype=np.float64)
    return signs


def _slope(start: Corners, end: Corners) -> NDArray[np.float64]:
    run = end - start
    slope: NDArray[np.float64] = run[..., 0] / np.where(np.abs(run[..., 1]) < 1, 1, run[..., 1])
    return slope


def _sign_at(edges: _Edges, points: Corners, slope: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the sign of the edge within two pixels of each point that runs as its side does: (..., samples)."""
    height, width = edges.sign.shape
    first = np.clip(np.rint(points[..., 1]), 0, height - 1).astype(np.intp) * width
    found = np.zeros(first.shape, np.float32)
    for by in (2, -2, 1, -1, 0):
        at = first + np.clip(np.rint(points[..., 0] + by), 0, width - 1).astype(np.intp)
        sign = edges.sign.ravel()[at]
        along = (sign != 0) & (np.abs(edges.slope.ravel()[at] - slope) < _ALIGNED)
        np.copyto(found, sign, where=along)
    return found


def refined(grey: Grey, corners: Corners) -> Corners:
    """Return the corners with each side drawn onto the edge near it, to fractions of a pixel.

    Wherever a side starts within an edge's reach it ends at the same place, so that a photograph's noise, which
    decides between lines that nearly fit, does not decide where the film ends.

    Parameters
    ----------
    grey
        As for `quadrilaterals`.
    corners
        In its pixels.
    """
    smooth = _smooth(grey)
    for reach in _REACHES:
        ends = [_drawn(smooth, corners[n], corners[(n + 1) % 4], reach) for n in range(4)]
        corners = np.stack([_meeting(ends[n - 1], ends[n]) for n in range(4)])
    return corners


def _drawn(grey: Grey, start: Corners, end: Corners, reach: float) -> Corners:
    """Return the ends of a side, (2, 2), moved along its normal by the weighted fit of the edge within reach."""
    share = np.linspace(0.04, 0.96, _SAMPLES)
    aside = np.linspace(-reach, reach, int(4 * reach) + 1)
    along = end - start
    normal = np.array((along[1], -along[0])) / max(float(np.hypot(*along)), 1.0)
    points = start + along * share[:, None, None] + normal * aside[:, None]
    steps = np.gradient(_between(grey, points), axis=1) * np.exp(-((aside / reach) ** 2) * 2)
    weights = np.maximum(steps * np.sign(steps.sum()), 0) ** 2
    parts = np.stack([1 - share, share])
    squares = np.einsum("is,js,sa->ij", parts, parts, weights)
    held = np.eye(2) * (_FAINTEST_EDGE**2 + _HELD * weights.sum())
    moved = np.linalg.solve(squares + held, np.einsum("is,sa,a->i", parts, weights, aside))
    ends: Corners = np.stack([start, end]) + normal * np.clip(moved, -reach, reach)[:, None]
    return ends


def _meeting(one: Corners, other: Corners) -> NDArray[np.float64]:
    """Return where the lines through two sides' ends meet."""
    (a, b), (c, d) = one, other
    share = np.linalg.solve(np.stack([b - a, c - d], 1), c - a)[0]
    met: NDArray[np.float64] = a + (b - a) * share
    return met


def _between(grey: Grey, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the levels at points between pixels, of which 0 is the first one's outer border."""
    height, width = grey.shape
    x, y = np.clip(points[..., 0] - 0.5, 0, width - 1.001), np.clip(points[..., 1] - 0.5, 0, height - 1.001)
    column, row = x.astype(np.intp), y.astype(np.intp)
    right, down = x - column, y - row
    upper = grey[row, column] * (1 - right) + grey[row, column + 1] * right
    lower = grey[row + 1, column] * (1 - right) + grey[row + 1, column + 1] * right
    levels: NDArray[np.float64] = upper * (1 - down) + lower * down
    return levels
