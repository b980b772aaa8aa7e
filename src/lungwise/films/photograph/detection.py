"""A film in a photograph: found on its light box or screen, straightened and cut out.

Only where it is certain: a picture without colour is never searched, since no camera took it.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from lungwise.films.film import Photographed
from lungwise.films.photograph.perspective import Corners, rectangle, through, warp
from lungwise.films.photograph.quadrilateral import Quadrilateral, quadrilaterals, refined
from lungwise.films.refusals import Refusal

Grey = NDArray[np.float32]

MOST_COLOUR = 0.012
"""Photographs of films, cut out, reach 0.009 under light of any tint; coloured pictures have 0.02 and more."""

_GREYS = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
_COLOUR_SIZE = (96, 96)
_COLOURLESS = 0.008
_OPAQUE = 250
_SIDE = 320
_FINER = 3
"""How many times finer than `_SIDE` a picture stays while whole pixels are put together, which is fast."""

_SUREST = 0.65
"""Share of edge under the least supported side; `test_detection.py` shows what it keeps out."""

_SMALLEST = 0.08
_NEARLY = 0.15
_LIT = 0.6
_STRAIGHT_SIDE = 256
_TEXTURE = 0.015
_STEP = 0.04
_DARK = 0.3
_SHORTEST_RUN = 12
_LONGEST = 2048
_ASIDE = 0.08
"""How far from the picture's sides a corner is proposed where nothing was found."""


def cut_out(image: Image.Image) -> Image.Image | None:
    """Return the film in a photograph, straightened; None without colour, or without a certain film."""
    if image.mode != "RGB" or not _is_tinted(image):
        return None
    corners = find_film(image)
    if corners is None:
        return None
    film = straighten(image, corners)
    return film if unexplained_colour(film) <= MOST_COLOUR else None


def cut_at(image: Image.Image, photographed: Photographed) -> Image.Image:
    """Return the film in a picture that a camera took: at its corners, or else where its edges are found.

    Raises
    ------
    Refusal
        `edges-not-found`.
    """
    if photographed.corners is not None:
        return straighten(image.convert("RGB"), np.array(photographed.corners) * image.size)
    film = cut_out(image)
    if film is None:
        raise Refusal("edges-not-found")
    return film


def proposed_corners(image: Image.Image) -> Corners:
    """Return where a film seems to lie in a camera's picture, as fractions of its sides: for a person to move."""
    found = find_film(image.convert("RGB"))
    if found is None:
        return rectangle(1 - 2 * _ASIDE, 1 - 2 * _ASIDE) + _ASIDE
    return np.clip(found / image.size, 0, 1)


def unexplained_colour(image: Image.Image) -> float:
    """Return the spread of colour that no one tint explains: the rest beside a smooth function of brightness."""
    if image.mode in _GREYS:
        return 0.0
    y, *colours = _components(image)
    powers = np.stack([np.ones_like(y), y, y * y], 1)
    left = [colour - powers @ np.linalg.lstsq(powers, colour, rcond=None)[0] for colour in colours]
    return round(float(np.sqrt(np.mean(np.square(left)))), 4)


def transparency(image: Image.Image) -> float:
    """Return the share of the pixels that are transparent."""
    if not image.has_transparency_data or image.mode in _GREYS - {"LA", "La"}:
        return 0.0
    small = image.resize(_COLOUR_SIZE, Image.Resampling.NEAREST).convert("RGBA")
    return float((np.asarray(small.getchannel("A")) < _OPAQUE).mean())


def _is_tinted(image: Image.Image) -> bool:
    """Return whether there is any colour at all: a grey picture saved in colours has exactly none."""
    return max(float(np.abs(colour - 128 / 255).max()) for colour in _components(image)[1:]) > _COLOURLESS


def _components(image: Image.Image) -> list[NDArray[np.float64]]:
    """Return brightness and the two colour differences of a small copy, each (n,) in [0, 1]."""
    resampling = Image.Resampling.BOX if image.mode == "RGB" else Image.Resampling.NEAREST
    small = image.resize(_COLOUR_SIZE, resampling).convert("RGBA")
    seen = Image.alpha_composite(Image.new("RGBA", small.size, "black"), small).convert("RGB")
    return [np.asarray(part, np.float64).ravel() / 255 for part in seen.convert("YCbCr").split()]


def find_film(image: Image.Image) -> Corners | None:
    """Return the corners of a film in a colour photograph, in its pixels; None where none is certain."""
    pixels = _reduced(image.convert("L"))
    roots = np.sqrt(pixels)
    found = [quad for quad in quadrilaterals(roots, _SUREST) if _area(quad.corners) >= _SMALLEST * pixels.size]
    if not found:
        return None
    brightest = float(np.percentile(pixels, 99))
    lit = [quad for quad in found if quad.darker_inside and _is_lit_around(pixels, quad, brightest)]
    nearly = [quad for quad in (lit or found) if quad.support >= (lit or found)[0].support - _NEARLY]
    widest = refined(roots, max((quad.corners for quad in nearly), key=_area))
    corners = refined(roots, _trimmed(pixels, widest, dark_alone=bool(lit)))
    if _area(corners) < _SMALLEST * pixels.size:
        return None
    return corners * (np.array(image.size) / pixels.shape[::-1])


def _reduced(grey: Image.Image) -> Grey:
    """Return the picture in [0, 1] at the size that is searched, the same for any number of pixels.

    Pillow's box filter weighs two pixels here and three there, and so moves edges by half a pixel, another way in
    each size: Hamming's does not.
    """
    scale = min(1.0, _SIDE / max(grey.size))
    size = max(2, round(grey.width * scale)), max(2, round(grey.height * scale))  # a strip has a gradient too
    whole = max(1, int(1 / (scale * _FINER)))
    box = (0, 0, grey.width / whole, grey.height / whole)
    small = grey.reduce(whole).convert("F").resize(size, Image.Resampling.HAMMING, box)
    pixels: Grey = np.asarray(small, np.float32) / np.float32(255)
    return pixels


def straighten(image: Image.Image, corners: Corners) -> Image.Image:
    """Return the film within the corners, as if seen from straight ahead."""
    across = [np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[2] - corners[3])]
    down = [np.linalg.norm(corners[3] - corners[0]), np.linalg.norm(corners[2] - corners[1])]
    width, height = float(np.mean(across)), float(np.mean(down))
    scale = min(1.0, _LONGEST / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return warp(image, size, rectangle(*size), corners)


def _area(corners: Corners) -> float:
    """By the diagonals."""
    across, along = corners[2] - corners[0], corners[3] - corners[1]
    return abs(float(across[0] * along[1] - across[1] * along[0])) / 2


def _is_lit_around(pixels: Grey, quad: Quadrilateral, brightest: float) -> bool:
    """Return whether lit glass lies outside each side: nearly as bright as anything in the picture."""
    middle = quad.corners.mean(0)
    outside = middle + (quad.corners - middle) * 1.06
    along = np.roll(outside, -1, 0) - outside
    beside = _at(pixels, outside + along * np.linspace(0.05, 0.95, 32)[:, None, None])
    return bool((np.median(beside, 0) >= _LIT * brightest).all())


def _at(pixels: Grey, points: Corners) -> Grey:
    rows = np.clip(np.rint(points[..., 1]), 0, pixels.shape[0] - 1).astype(np.intp)
    columns = np.clip(np.rint(points[..., 0]), 0, pixels.shape[1] - 1).astype(np.intp)
    return pixels[rows, columns]


def _trimmed(pixels: Grey, corners: Corners, dark_alone: bool) -> Corners:
    """Move the corners in past whatever is flat: a frame, a viewer's black, and lit glass where that may be."""
    side = (_STRAIGHT_SIDE, _STRAIGHT_SIDE)
    flat = _blurred(np.asarray(warp(Image.fromarray(pixels), side, rectangle(*side), corners)))
    brightest = _DARK * float(np.percentile(flat, 99)) if dark_alone else 1.0
    rows, columns = slice(0, _STRAIGHT_SIDE), slice(0, _STRAIGHT_SIDE)
    for _ in range(2):  # a row across the frame looks textured until its ends are cut off
        columns = _textured(flat[rows, columns].T, columns.start, brightest)
        rows = _textured(flat[rows, columns], rows.start, brightest)
    kept = rectangle(columns.stop - columns.start, rows.stop - rows.start) + np.array((columns.start, rows.start))
    return through(kept, rectangle(*side), corners)


def _blurred(pixels: Grey) -> Grey:
    """Return the means of three by three pixels."""
    for axis in (0, 1):
        edged = np.pad(pixels, [(1, 1) if n == axis else (0, 0) for n in (0, 1)], "edge")
        pixels = np.asarray(sliding_window_view(edged, 3, axis).mean(-1), np.float32)
    return pixels


def _textured(flat: Grey, start: int, brightest: float) -> slice:
    """Return the rows between the flat margins, which are no brighter than this; an edge ends its margin."""
    aside = flat.shape[1] // 10
    inner = flat[:, aside : flat.shape[1] - aside]
    shows = (np.abs(inner[:, 4:] - inner[:, :-4]).mean(1) > _TEXTURE) | (inner.mean(1) > brightest)
    shown = np.concatenate([[False], shows, [False]])
    runs = np.flatnonzero(np.diff(shown.astype(np.int8))).reshape(-1, 2)
    long = runs[runs[:, 1] - runs[:, 0] >= _SHORTEST_RUN]
    if not len(long):
        return slice(start, start + len(flat))
    step = np.abs(np.gradient(inner.mean(1)))
    first, last = int(long[0, 0]), int(long[-1, 1])
    return slice(start + first - _back(step[: first + 1][::-1]), start + last + _back(step[last:]))


def _back(step: NDArray[np.float32]) -> int:
    """Return how far back into a flat margin its nearest edge lies; 0 where it has none."""
    edges = np.flatnonzero(step > _STEP)
    if not len(edges):
        return 0
    run = edges[: int(np.argmax(np.append(np.diff(edges), 99) > 1)) + 1]
    return int(run[np.argmax(step[run])])
