"""Where a heat map is at least as hot as a level: outlines as polygons, for machines."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVEL: Final = 0.5
"""Of the heat map, from which on an outline is drawn."""
_LEAST: Final = 1e-6
"""Of the film's area, below which there is nothing to outline."""
Point = tuple[float, float]
Edge = tuple[str, int, int]


def outlines(heat_map: NDArray[np.float32], level: float = LEVEL) -> list[list[Point]]:
    """Trace the regions of a heat map that reach a level.

    Marching squares over the centres of the map's cells; what reaches the film's border is closed along it. Regions
    that touch at a corner alone are two.

    Parameters
    ----------
    heat_map
        (rows, columns), in [0, 1], over the whole film.

    Returns
    -------
    Closed polygons, one for each region, the first point again at the end; each point across and down, as fractions of
    the film. A hole is a part of its region's polygon, which goes there and back along one line.
    """
    loops = list(_loops(np.asarray(heat_map, np.float64), level))
    rims = [loop for loop in loops if _area(loop) > _LEAST]
    for hole in (loop for loop in loops if _area(loop) < -_LEAST):
        around = min((rim for rim in rims if _is_inside(hole[0], rim)), key=_area, default=None)
        if around:
            around[:] = _joined(around, hole)
    return rims


def _loops(heat_map: NDArray[np.float64], level: float) -> Iterator[list[Point]]:
    """Follow each outline until it is closed: anticlockwise around what is hot, the other way around a hole."""
    grid = np.pad(np.pad(heat_map, 1, mode="edge"), 1)  # up to the border, and none beyond
    follows = dict(_segments(grid >= level))
    while follows:
        start, edge = follows.popitem()
        loop = [start]
        while edge != start:
            loop.append(edge)
            edge = follows.pop(edge)
        yield [_crossing(grid, level, one) for one in (*loop, start)]


def _area(loop: list[Point]) -> float:
    """Return the area of a closed polygon: negative if it goes clockwise."""
    return sum(after_x * y - x * after_y for (x, y), (after_x, after_y) in pairwise(loop)) / 2


def _is_inside(point: Point, loop: list[Point]) -> bool:
    """Return whether a closed polygon is around a point: a line to the right then leaves it an odd number of times."""
    across, down = point
    crossed = (
        x + (down - y) / (after_y - y) * (after_x - x) > across
        for (x, y), (after_x, after_y) in pairwise(loop)
        if (y > down) != (after_y > down)
    )
    return sum(crossed) % 2 == 1


def _joined(rim: list[Point], hole: list[Point]) -> list[Point]:
    """Put a hole into its rim, there and back between the points that are nearest to each other."""
    apart = np.hypot(*(np.subtract.outer(*axes) for axes in zip(np.transpose(rim), np.transpose(hole), strict=True)))
    there, here = (int(one) for one in np.unravel_index(apart.argmin(), apart.shape))
    return [*rim[: there + 1], *hole[here:-1], *hole[: here + 1], *rim[there:]]


def _segments(hot: NDArray[np.bool_]) -> Iterator[tuple[Edge, Edge]]:
    """Go round each square of four centres; from where it becomes hot to where it ends, the outline crosses."""
    for row, column in np.ndindex(hot.shape[0] - 1, hot.shape[1] - 1):
        corners = [hot[row, column], hot[row, column + 1], hot[row + 1, column + 1], hot[row + 1, column]]
        edges: list[Edge] = [("h", row, column), ("v", row, column + 1), ("h", row + 1, column), ("v", row, column)]
        for side in range(4):
            if not corners[side] and corners[(side + 1) % 4]:
                end = next(n % 4 for n in range(side + 1, side + 4) if corners[n % 4] and not corners[(n + 1) % 4])
                yield edges[side], edges[end]


def _crossing(grid: NDArray[np.float64], level: float, edge: Edge) -> Point:
    """Return where an edge between two centres has the level."""
    kind, row, column = edge
    other = (row, column + 1) if kind == "h" else (row + 1, column)
    before, after = grid[row, column], grid[other]
    share = float((level - before) / (after - before))
    down, across = (_place(grid.shape[axis], (row, column)[axis], other[axis], share) for axis in (0, 1))
    return across, down


def _place(count: int, first: int, second: int, share: float) -> float:
    """Return a place between two centres of a row, which is padded twice, as a fraction of the film."""
    inner = count - 4
    places = [min(max((one - 1.5) / inner, 0.0), 1.0) for one in (first, second)]
    return places[0] + (places[1] - places[0]) * share
