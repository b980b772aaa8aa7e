"""Pictures for the page: a film as 8-bit grey, and its heat map as a transparent layer."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lungwise.films import Film, Refusal

LARGEST = 1600
"""Longest side of a picture in pixels: what a screen can show and a weak network can carry."""
ON_PAGE = 960
"""Longest side of the picture that a study's page shows at half its width."""
IN_REPORT = 640
"""Longest side of a picture in a report's page, which may hold dozens; as it is printed, some 200 dots per inch."""
THUMBNAIL = 320
SMALL = 96
"""Longest side of a picture in a list."""
QUALITY = 88
"""Of a JPEG in which a film is looked at."""
_CLEAR = 0.25
"""Heat below this is left clear, so that the layer marks places rather than tinting the film."""


def picture(film: Film, side: int = LARGEST, quarter_turns: int = 0) -> Image.Image:
    """Draw a film in 8-bit grey, its longest side at most `side` pixels; one that lies turned is drawn upright."""
    grey = Image.fromarray(upright((np.clip(film.pixels, 0, 1) * 255).astype(np.uint8), quarter_turns))
    grey.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=2.0)
    return grey


def upright(pixels: NDArray[Any], quarter_turns: int) -> NDArray[Any]:
    """Turn pixels, or a heat map, that lie so many quarter turns to the left off upright."""
    return np.ascontiguousarray(np.rot90(pixels, -quarter_turns))


def picture_or_cross(opened: Callable[[], Film], side: int = LARGEST, quarter_turns: int = 0) -> Image.Image:
    """Draw a film, or a cross in place of one that cannot be decoded: its page says why."""
    try:
        return picture(opened(), side, quarter_turns)
    except Refusal:
        return _cross()


def _cross() -> Image.Image:
    empty = Image.new("L", (THUMBNAIL, THUMBNAIL), 32)
    pen = ImageDraw.Draw(empty)
    for ends in ((120, 120, 200, 200), (120, 200, 200, 120)):
        pen.line(ends, fill=150, width=8)
    return empty


def heat_layer(heat_map: NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    """Draw a heat map as a layer of (width, height): yellow to red, clear where there is none."""
    smooth = Image.fromarray(heat_map).resize(size, Image.Resampling.BICUBIC)
    heat = np.clip((np.asarray(smooth) - _CLEAR) / (1 - _CLEAR), 0, 1)
    layer = np.empty((*heat.shape, 4), np.uint8)
    layer[..., 0] = 255
    layer[..., 1] = (1 - heat) * 210
    layer[..., 2] = 20
    layer[..., 3] = heat**0.7 * 200
    return Image.fromarray(layer)


def with_heat(film: Film, heat_map: NDArray[np.float32], side: int, quarter_turns: int = 0) -> Image.Image:
    """Draw a film with its heat map, which lies as the film does, over it."""
    grey = picture(film, side, quarter_turns).convert("RGBA")
    return Image.alpha_composite(grey, heat_layer(upright(heat_map, quarter_turns), grey.size)).convert("RGB")


def as_jpeg(image: Image.Image, quality: int = QUALITY) -> bytes:
    """Encode for the page."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def as_png(image: Image.Image) -> bytes:
    """Encode with transparency."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
