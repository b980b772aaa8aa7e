"""Augmentation: what may happen to a film before it reaches a clinic's screen.

Each step is a function of (film, rng). Steps that move pixels also move the opacity map.
Their strength was chosen so that a radiologist would still give the same answer.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from lungwise.films.photograph.simulation import Grey, Random, photograph_light
from lungwise.training.recipe import Odds


def augment(film: Grey, opacity: Grey, style: Grey, odds: Odds, rng: Random) -> tuple[Grey, Grey]:
    """Return a changed copy of a film and of its opacity map.

    Parameters
    ----------
    film, opacity
        (height, width) each; the map is 0 or 255.
    style
        Another film, from any source, whose grey levels and surroundings this one may take on.
    odds
        How likely each change is; every film is moved and shaded.
    """
    if rng.random() < odds.transplant:
        film = transplant(film, style, rng)
    film, opacity = _move(film, opacity, rng)
    if rng.random() < odds.levels:
        film = match_levels(film, style)
    film = _shade(film, rng)
    for name, step in _STEPS.items():
        if rng.random() < getattr(odds, name):
            film = step(film, rng)
    return film, opacity


def match_levels(film: Grey, style: Grey) -> Grey:
    """Give a film the grey-level histogram of another, so that it says less of its source."""
    levels = np.interp(_distribution(film), _distribution(style), np.arange(256))
    return levels.astype(np.uint8)[film]


def transplant(film: Grey, style: Grey, rng: Random) -> Grey:
    """Put a film's chest into another's surroundings: what lies around the lungs says nothing of them."""
    height, width = film.shape
    around = Image.fromarray(match_levels(style, film)).resize((width, height), Image.Resampling.BILINEAR)
    (half_y, half_x), power = rng.uniform(0.38, 0.48, 2), rng.uniform(3, 8)
    down, across = (np.abs((np.arange(side) + 0.5) / side - 0.5) for side in (height, width))
    distance = (down[:, None] / half_y) ** power + (across / half_x) ** power
    share = np.clip(1.5 - distance, 0, 1)
    mixed: Grey = (film * share + np.asarray(around) * (1 - share)).astype(np.uint8)
    return mixed


def _distribution(film: Grey) -> NDArray[np.float64]:
    counts = np.bincount(film.ravel(), minlength=256) + 1e-6
    distribution: NDArray[np.float64] = np.cumsum(counts) / counts.sum()
    return distribution


def _move(film: Grey, opacity: Grey, rng: Random) -> tuple[Grey, Grey]:
    """Turn by up to 12 degrees, scale, shift, and mirror half of the films."""
    height, width = film.shape
    angle = np.deg2rad(rng.uniform(-12, 12))
    scale_x, scale_y = rng.uniform(0.85, 1.12) * rng.uniform(0.93, 1.07, 2)
    mirror = rng.choice((-1, 1))
    a, b = np.cos(angle) * scale_x * mirror, -np.sin(angle) * scale_y * width / height
    d, e = np.sin(angle) * scale_x * height / width * mirror, np.cos(angle) * scale_y
    x, y = (0.5 + rng.uniform(-0.06, 0.06, 2)) * (width, height)
    matrix = (a, b, x - a * width / 2 - b * height / 2, d, e, y - d * width / 2 - e * height / 2)
    fill = int(rng.choice((0, 0, int(rng.integers(0, 256)))))
    return _warp(film, matrix, fill), _warp(opacity, matrix, 0)


def _warp(film: Grey, matrix: tuple[float, ...], fill: int) -> Grey:
    image = Image.fromarray(film)
    moved = image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=fill)
    return np.asarray(moved)


def _shade(film: Grey, rng: Random) -> Grey:
    """Exposure, contrast and film curve."""
    levels = np.linspace(0, 1, 256) ** rng.uniform(0.65, 1.5)
    levels = (levels - 0.5) * rng.uniform(0.75, 1.15) + 0.5 + rng.uniform(-0.06, 0.06)
    return (np.clip(levels, 0, 1) * 255).astype(np.uint8)[film]


def _blur(film: Grey, rng: Random) -> Grey:
    return np.asarray(Image.fromarray(film).filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.3))))


def _sharpen(film: Grey, rng: Random) -> Grey:
    sharpened = ImageFilter.UnsharpMask(rng.uniform(1, 3), int(rng.integers(40, 160)))
    return np.asarray(Image.fromarray(film).filter(sharpened))


def _coarsen(film: Grey, rng: Random) -> Grey:
    """Lose resolution, as a film copied at another size has."""
    side = int(rng.integers(140, 257))
    kind = Image.Resampling(rng.choice((Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.BOX)))
    return np.asarray(Image.fromarray(film).resize((side, side), kind).resize(film.shape[::-1], kind))


def _recompress(film: Grey, rng: Random) -> Grey:
    packed = io.BytesIO()
    Image.fromarray(film).save(packed, "JPEG", quality=int(rng.integers(20, 90)))
    return np.asarray(Image.open(packed))


def _noise(film: Grey, rng: Random) -> Grey:
    grain = rng.standard_normal(film.shape, np.float32) * rng.uniform(2, 14)
    return np.clip(film + grain, 0, 255).astype(np.uint8)


def _collimate(film: Grey, rng: Random) -> Grey:
    """Frame the film in black, white or grey, each side on its own."""
    framed = film.copy()
    level = int(rng.choice((0, 0, 255, int(rng.integers(0, 256)))))
    for axis in range(2):
        before, after = (rng.uniform(0, 0.12, 2) * film.shape[axis]).astype(int)
        view = np.moveaxis(framed, axis, 0)
        view[:before] = level
        view[len(view) - after :] = level
    return framed


def _burn_text(film: Grey, rng: Random) -> Grey:
    """Write a side mark or a number near the edge."""
    image = Image.fromarray(film)
    height, width = film.shape
    letters = "".join(rng.choice(list("LRAPSUPINE0123456789 /:")) for _ in range(rng.integers(1, 12)))
    place = (rng.choice((0.02, 0.6, 0.85)) * width, rng.choice((0.02, 0.08, 0.9)) * height)
    font = ImageFont.load_default(float(rng.integers(9, 26)))
    ImageDraw.Draw(image).text(place, letters, fill=int(rng.choice((255, 230, 0))), font=font)
    return np.asarray(image)


def _erase(film: Grey, rng: Random) -> Grey:
    """Hide a patch, so that no single place decides."""
    erased = film.copy()
    height, width = (rng.uniform(0.08, 0.28, 2) * film.shape).astype(int)
    top, left = rng.integers(0, film.shape[0] - height), rng.integers(0, film.shape[1] - width)
    erased[top : top + height, left : left + width] = rng.integers(0, 256)
    return erased


def _invert(film: Grey, rng: Random) -> Grey:
    """A film saved with the wrong photometric interpretation."""
    return 255 - film


_STEPS: dict[str, Callable[[Grey, Random], Grey]] = {
    "photograph": photograph_light,
    "blur": _blur,
    "sharpen": _sharpen,
    "coarsen": _coarsen,
    "noise": _noise,
    "collimate": _collimate,
    "text": _burn_text,
    "erase": _erase,
    "recompress": _recompress,
    "invert": _invert,
}
"""By the name of their odds, in their order."""
