"""Synthetic pictures that are not chest films, each different, so that the gate cannot learn them by heart.

Photographs, CT slices and bones come from the collection; what else people send (noise, a
blank page, text, a chart, a logo, a piece of a film) is endless and cheap to make.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from lungwise.films.photograph.simulation import Grey, Random

_SIDE = 299
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ      0123456789.,:-"


def synthetic_negatives(films: list[Grey], side: int, rng: Random) -> list[Grey]:
    """Make as many pictures that are not chest films as there are films, (side, side) each."""
    pictures = (Image.fromarray(synthetic_negative(film, rng)) for film in films)
    return [np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR)) for picture in pictures]


def synthetic_negative(film: Grey, rng: Random) -> Grey:
    """Make a picture that is not a chest film; one in eight is a small piece of the given film."""
    kinds = (_noise, _clouds, _gradient, _shapes, _text, _chart, _tiles)
    if rng.random() < 1 / (len(kinds) + 1):
        return _piece(film, rng)
    picture = kinds[int(rng.integers(len(kinds)))](rng)
    return _overlaid(picture, kinds, rng) if rng.random() < 0.3 else picture


def _overlaid(picture: Grey, kinds: tuple[Callable[[Random], Grey], ...], rng: Random) -> Grey:
    other = kinds[int(rng.integers(len(kinds)))](rng)
    share = rng.uniform(0.2, 0.8)
    return (picture * share + other * (1 - share)).astype(np.uint8)


def _noise(rng: Random) -> Grey:
    """Grain of any size, from a broken file's to a blur's."""
    side = int(rng.choice((2, 4, 8, 16, 40, 90, 150, 299)))
    grain = rng.integers(0, 256, (side, side), np.uint8) if rng.random() < 0.5 else _normal_grain(rng, side)
    kind = Image.Resampling(rng.choice((Image.Resampling.NEAREST, Image.Resampling.BICUBIC)))
    return np.asarray(Image.fromarray(grain).resize((_SIDE, _SIDE), kind))


def _normal_grain(rng: Random, side: int) -> Grey:
    middle, spread = rng.uniform(40, 215), rng.uniform(8, 70)
    return np.clip(rng.normal(middle, spread, (side, side)), 0, 255).astype(np.uint8)


def _clouds(rng: Random) -> Grey:
    """Noise at every scale, as rough as landscapes and textures are (power law)."""
    rows, columns = np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE)[None]
    scale = np.maximum(np.hypot(rows, columns), 1 / _SIDE) ** -rng.uniform(0.8, 2.6)
    waves = np.fft.rfft2(rng.standard_normal((_SIDE, _SIDE))) * scale
    field = np.fft.irfft2(waves, (_SIDE, _SIDE))
    return _stretched(field)


def _gradient(rng: Random) -> Grey:
    """Light that fades along a line or around a point."""
    x, y = np.meshgrid(np.linspace(-1, 1, _SIDE), np.linspace(-1, 1, _SIDE))
    angle, centre = rng.uniform(0, 2 * np.pi), rng.uniform(-1, 1, 2)
    line = x * np.cos(angle) + y * np.sin(angle)
    around = np.hypot((x - centre[0]) * rng.uniform(0.5, 2), y - centre[1])
    waves = rng.choice((0.25, 1, 3, 9))
    return _stretched(np.sin(waves * (line if rng.random() < 0.5 else around)))


def _shapes(rng: Random) -> Grey:
    """Circles, boxes and lines: logos, icons, plans, a child's drawing."""
    image, draw = _page(rng)
    for _ in range(int(rng.integers(1, 25))):
        x0, x1 = sorted(rng.integers(-40, _SIDE + 40, 2).tolist())
        y0, y1 = sorted(rng.integers(-40, _SIDE + 40, 2).tolist())
        ink, width = int(rng.integers(0, 256)), int(rng.integers(1, 14))
        shape = int(rng.integers(5))
        if shape == 0:
            draw.ellipse((x0, y0, x1, y1), fill=ink)
        elif shape == 1:
            draw.rectangle((x0, y0, x1, y1), fill=ink)
        elif shape == 2:
            draw.ellipse((x0, y0, x1, y1), outline=ink, width=width)
        elif shape == 3:
            draw.polygon(rng.integers(0, _SIDE, 8).tolist(), fill=ink)
        else:
            draw.line((x0, y0, x1, y1), fill=ink, width=width)
    return _softened(image, rng)


def _text(rng: Random) -> Grey:
    """A page of letters, as a letter, a form or a screen is."""
    image, draw = _page(rng)
    size = float(rng.integers(8, 60))
    font = ImageFont.load_default(size)
    ink = 0 if np.asarray(image).mean() > 127 else 255
    for top in np.arange(rng.uniform(0, 20), _SIDE, size * rng.uniform(1.0, 2.2)):
        letters = "".join(rng.choice(list(_LETTERS)) for _ in range(70))
        draw.text((rng.uniform(-60, 60), float(top)), letters[: int(rng.integers(4, 70))], fill=ink, font=font)
    return _softened(image, rng)


def _chart(rng: Random) -> Grey:
    """Axes with a curve, bars or points."""
    image, draw = _page(rng)
    ink = 0 if np.asarray(image).mean() > 127 else 255
    count = int(rng.integers(4, 40))
    heights = _SIDE - 30 - np.abs(np.cumsum(rng.standard_normal(count))) * rng.uniform(5, 40)
    places = np.linspace(30, _SIDE - 20, count)
    draw.line((25, 15, 25, _SIDE - 25, _SIDE - 10, _SIDE - 25), fill=ink, width=int(rng.integers(1, 4)))
    if rng.random() < 0.5:
        draw.line(list(zip(places.tolist(), heights.tolist(), strict=True)), fill=ink, width=int(rng.integers(1, 5)))
    else:
        for place, height in zip(places, heights, strict=True):
            draw.rectangle((place - 4, min(height, _SIDE - 26), place + 4, _SIDE - 26), fill=int(rng.integers(0, 256)))
    return _softened(image, rng)


def _tiles(rng: Random) -> Grey:
    """A chessboard, bricks, woven cloth, a screen's grid."""
    x, y = np.meshgrid(np.arange(_SIDE), np.arange(_SIDE))
    angle = rng.uniform(0, np.pi)
    across, down = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    pitch = rng.uniform(4, 90, 2)
    waves = np.sin(2 * np.pi * across / pitch[0]) * np.sin(2 * np.pi * down / pitch[1])
    return _stretched(np.sign(waves) if rng.random() < 0.5 else waves)


def _piece(film: Grey, rng: Random) -> Grey:
    """A piece of at most a third of a film's sides, which is too little to read."""
    rows, columns = (max(int(side * rng.uniform(0.12, 0.33)), 8) for side in film.shape)
    top, left = (int(rng.integers(0, side - part)) for side, part in zip(film.shape, (rows, columns), strict=True))
    piece = Image.fromarray(film[top : top + rows, left : left + columns])
    return np.asarray(piece.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))


def _page(rng: Random) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    paper = int(rng.choice((255, 255, 245, 0, 20, int(rng.integers(0, 256)))))
    image = Image.new("L", (_SIDE, _SIDE), paper)
    return image, ImageDraw.Draw(image)


def _softened(image: Image.Image, rng: Random) -> Grey:
    return np.asarray(image.filter(ImageFilter.GaussianBlur(float(rng.choice((0.0, 0.0, 0.7, 2.0))))))


def _stretched(field: NDArray[np.float64]) -> Grey:
    low, high = np.percentile(field, (1, 99))
    picture: Grey = (np.clip((field - low) / max(high - low, 1e-9), 0, 1) * 255).astype(np.uint8)
    return picture
