"""Synthetic chest films, for a first look and for tests: drawings, with no patient behind them."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 900, 1000
_LUNGS = ((150, 170, 410, 820), (490, 170, 750, 820))


def synthetic_film(seed: int, opacities: int) -> Image.Image:
    """Draw a frontal chest film: soft tissue, lungs, ribs, spine, heart, and some opacities low in the lungs."""
    chance = np.random.default_rng(seed)
    film = Image.new("L", (WIDTH, HEIGHT), 18)
    pen = ImageDraw.Draw(film)
    pen.rounded_rectangle((50, 90, 850, 1100), 160, fill=150)
    pen.rounded_rectangle((350, 0, 550, 200), 60, fill=150)
    for box in _LUNGS:
        pen.ellipse(box, fill=52)
    pen.rectangle((425, 0, 475, HEIGHT), fill=205)
    pen.ellipse((400, 480, 640, 800), fill=185)
    film = film.filter(ImageFilter.GaussianBlur(14))
    _draw_ribs(film)
    _draw_opacities(film, chance, opacities)
    return _with_grain(film.filter(ImageFilter.GaussianBlur(2)), chance)


def synthetic_jpeg(seed: int) -> bytes:
    """Draw a film as a JPEG file of a megapixel."""
    return as_jpeg(synthetic_film(seed, 4).resize((1024, 1024)))


def as_jpeg(film: Image.Image) -> bytes:
    """Encode as a JPEG file."""
    out = io.BytesIO()
    film.save(out, "JPEG", quality=90)
    return out.getvalue()


def _draw_ribs(film: Image.Image) -> None:
    ribs = Image.new("L", film.size, 0)
    pen = ImageDraw.Draw(ribs)
    for row in range(9):
        top = 150 + 72 * row
        pen.arc((110, top, 470, top + 260), 190, 320, fill=46, width=20)
        pen.arc((430, top, 790, top + 260), 220, 350, fill=46, width=20)
    for box in ((130, 110, 460, 250), (440, 110, 770, 250)):
        pen.arc(box, 190, 350, fill=60, width=26)
    _brighten(film, ribs.filter(ImageFilter.GaussianBlur(4)))


def _draw_opacities(film: Image.Image, chance: np.random.Generator, opacities: int) -> None:
    layer = Image.new("L", film.size, 0)
    pen = ImageDraw.Draw(layer)
    for number in range(opacities):
        left, _top, right, bottom = _LUNGS[number % 2]
        x, y = chance.uniform(left + 60, right - 60), chance.uniform(bottom - 320, bottom - 90)
        size = chance.uniform(35, 75)
        pen.ellipse((x - size, y - size * 0.8, x + size, y + size * 0.8), fill=110)
    _brighten(film, layer.filter(ImageFilter.GaussianBlur(22)))


def _brighten(film: Image.Image, layer: Image.Image) -> None:
    lit = np.asarray(film, np.uint16) + np.asarray(layer, np.uint16)
    film.paste(Image.fromarray(np.minimum(lit, 255).astype(np.uint8)))


def _with_grain(film: Image.Image, chance: np.random.Generator) -> Image.Image:
    grey: NDArray[np.float64] = np.asarray(film, np.float64) + chance.normal(0, 4, (film.height, film.width))
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
