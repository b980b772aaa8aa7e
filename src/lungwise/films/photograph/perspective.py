"""Four corners onto four corners: the one warp between a flat film and a photograph of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Corners = NDArray[np.float64]
"""(4, 2): x and y of the upper left, upper right, lower right and lower left corner."""


def rectangle(width: float, height: float) -> Corners:
    """Return the corners of an upright rectangle at the origin."""
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)


def coefficients(out: Corners, into: Corners) -> tuple[float, ...]:
    """Return the eight numbers that take `out` to `into`, as Pillow's PERSPECTIVE wants them.

    Raises
    ------
    numpy.linalg.LinAlgError
        If three of the corners lie on a line.
    """
    rows, wanted = [], []
    for (x, y), (u, v) in zip(out, into, strict=True):
        rows += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
        wanted += [u, v]
    return tuple(np.linalg.solve(np.array(rows, np.float64), np.array(wanted, np.float64)).tolist())


def through(points: Corners, out: Corners, into: Corners) -> Corners:
    """Return where points fall when `out` is taken to `into`."""
    a, b, c, d, e, f, g, h = coefficients(out, into)
    x, y = points.T
    moved: Corners = np.stack([a * x + b * y + c, d * x + e * y + f], 1) / (g * x + h * y + 1)[:, None]
    return moved


def warp(image: Image.Image, size: tuple[int, int], out: Corners, into: Corners) -> Image.Image:
    """Draw the part of `image` within `into` at `out` of a picture of this size."""
    numbers = coefficients(out, into)
    return image.transform(size, Image.Transform.PERSPECTIVE, numbers, Image.Resampling.BICUBIC)
