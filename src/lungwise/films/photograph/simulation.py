"""A simulated camera, which the evaluation uses: a whole photograph of a film on a light box or a screen.

The training draws the light of photographs in another way (`training.photograph_light`), on purpose: no network is
measured by the camera that it learnt from. The same seed gives the same photograph.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from lungwise.films.photograph.perspective import Corners, rectangle, through, warp

Colours = NDArray[np.float32]
"""(height, width, 3) in [0, 1]."""

Grey = NDArray[np.uint8]
"""(height, width), 0 is air."""

Random = np.random.Generator

_SIZE = (1024, 768)
_FILM_SIDE = 700
_SCREEN_SHARE = 0.4
"""Share of the films that are shown on a screen; the others hang on a light box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Photograph:
    """A JPEG file, and the film's corners in it as fractions of its width and height."""

    jpeg: bytes
    corners: Corners


def photograph(pixels: NDArray[np.float32], seed: int, side: int = _SIZE[0]) -> Photograph:
    """Photograph a film.

    Parameters
    ----------
    pixels
        (height, width) grey in [0, 1].
    side
        How many pixels the longer side has: more of them see the same scene, each with the blur and noise of a pixel.
    """
    rng = np.random.default_rng(seed)
    size = _SIZE if rng.random() < 0.5 else _SIZE[::-1]
    on_screen = rng.random() < _SCREEN_SHARE
    flat, film = _screen(pixels, rng) if on_screen else _light_box(pixels, rng)
    placed = _placed(flat.size, size, rng)
    picture = _levels(warp(flat, size, placed, rectangle(*flat.size)))
    inside = _levels(warp(Image.new("L", flat.size, 255), size, placed, rectangle(*flat.size)))
    scene = _surroundings(size, on_screen, rng) * (1 - inside[..., None]) + picture * inside[..., None]
    if on_screen:
        scene = scene * (1 + _moire(size, rng) * inside[..., None])
    seen = _lens(_enlarged_to(side, _light(np.asarray(scene, np.float32), rng)), rng)
    return Photograph(jpeg=_jpeg(seen, rng), corners=through(film, rectangle(*flat.size), placed) / size)


def _light_box(pixels: NDArray[np.float32], rng: Random) -> tuple[Image.Image, Corners]:
    """The film on the lit glass, in the box's frame: an RGB picture, and the film's corners in it."""
    film = _enlarged(pixels)
    left, top, right, bottom = (rng.uniform(0.04, 0.3, 4) * _FILM_SIDE).astype(int)
    flat = Image.new("RGB", (film.width + left + right, film.height + top + bottom), _near((247, 250, 252), 5, rng))
    flat.paste(film, (int(left), int(top)))
    frame = int(rng.uniform(0, 0.06) * _FILM_SIDE)
    if frame:
        _frame(flat, _near((120,) * 3, 90, rng), frame)
    return flat, rectangle(*film.size) + np.array((left, top))


def _screen(pixels: NDArray[np.float32], rng: Random) -> tuple[Image.Image, Corners]:
    """The film on a viewer's black, in the screen's bezel: an RGB picture, and the film's corners in it."""
    film = _enlarged(pixels)
    aside = (rng.uniform(0, 0.35, 2) * _FILM_SIDE).astype(int)
    bezel = int(rng.uniform(0.02, 0.05) * _FILM_SIDE)
    flat = Image.new(
        "RGB", (film.width + int(aside.sum()) + 2 * bezel, film.height + 2 * bezel), _near((8,) * 3, 6, rng)
    )
    flat.paste(film, (int(aside[0]) + bezel, bezel))
    _frame(flat, _near((36,) * 3, 20, rng), bezel)
    return flat, rectangle(*film.size) + np.array((aside[0] + bezel, bezel))


def _frame(flat: Image.Image, colour: tuple[int, ...], width: int) -> None:
    ImageDraw.Draw(flat).rectangle((0, 0, flat.width - 1, flat.height - 1), outline=colour, width=width)


def _enlarged(pixels: NDArray[np.float32]) -> Image.Image:
    """The film at `_FILM_SIDE`, in the faint blue or grey of its base."""
    height, width = pixels.shape
    scale = _FILM_SIDE / max(height, width)
    grey = Image.fromarray((np.clip(pixels, 0, 1) * 246 + 5).astype(np.uint8))
    return grey.resize((round(width * scale), round(height * scale)), Image.Resampling.BICUBIC).convert("RGB")


def _placed(flat: tuple[int, int], size: tuple[int, int], rng: Random) -> Corners:
    """Where the scene's corners fall in the photograph: turned by up to 7 degrees, seen from aside."""
    scale = rng.uniform(0.72, 0.93) * min(size[0] / flat[0], size[1] / flat[1])
    corners = (rectangle(*flat) - np.array(flat) / 2) * scale
    angle = np.deg2rad(rng.uniform(-7, 7))
    corners = corners @ np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    corners += rng.uniform(-0.05, 0.05, (4, 2)) * np.array(flat) * scale
    placed: Corners = np.clip(corners + np.array(size) / 2, 4, np.array(size) - 4)
    return placed


def _surroundings(size: tuple[int, int], on_screen: bool, rng: Random) -> Colours:
    """A wall or a desk with a few things on it: dark behind a light box, of any light about a screen."""
    bright = rng.uniform(0.15, 0.8) if on_screen else rng.uniform(0.05, 0.45)
    room = _cloud(size, 5, rng)[..., None] * 0.25 + bright * rng.uniform(0.8, 1.1, 3)
    image = _image(room)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(0, 6)):
        x, y = rng.uniform(0, 1, 2) * size
        shape = draw.ellipse if rng.random() < 0.4 else draw.rectangle
        shape((x, y, x + rng.uniform(20, 250), y + rng.uniform(20, 250)), fill=tuple(rng.integers(20, 230, 3).tolist()))
    return _levels(image.filter(ImageFilter.GaussianBlur(2)))


def _light(scene: Colours, rng: Random) -> Colours:
    """Shadow, glare, exposure, and the colour of the light."""
    height, width, _ = scene.shape
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    if rng.random() < 0.5:
        angle, edge = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.8)
        beyond = 1 / (1 + np.exp(-(x * np.cos(angle) + y * np.sin(angle) - edge) / rng.uniform(0.03, 0.2)))
        scene = scene * (1 - rng.uniform(0.15, 0.45) * beyond[..., None])
    for _ in range(rng.integers(0, 3)):
        at_x, at_y, wide, high = *rng.uniform(-0.8, 0.8, 2), *rng.uniform(0.05, 0.3, 2)
        spot = np.exp(-(((x - at_x) / wide) ** 2) - ((y - at_y) / high) ** 2)
        scene = scene + rng.uniform(0.05, 0.3) * spot[..., None]
    cast = rng.uniform(0.86, 1.06, 3)
    return np.asarray(np.clip(scene, 0, 1) ** rng.uniform(0.8, 1.3) * cast, np.float32)


def _enlarged_to(side: int, scene: Colours) -> Colours:
    height, width, _ = scene.shape
    scale = side / max(height, width)
    if scale == 1:
        return scene
    return _levels(_image(scene).resize((round(width * scale), round(height * scale)), Image.Resampling.BICUBIC))


def _lens(scene: Colours, rng: Random) -> Colours:
    """Blur, and the sensor's noise."""
    blurred = _levels(_image(scene).filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.6))))
    return blurred + rng.standard_normal(scene.shape, np.float32) * np.float32(rng.uniform(0.005, 0.025))


def _moire(size: tuple[int, int], rng: Random) -> Colours:
    """The beat of the screen's dots and the sensor's: bent stripes, of another phase in each colour."""
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    angle, period = rng.uniform(0, np.pi), rng.uniform(5, 40)
    phase = (x * np.cos(angle) + y * np.sin(angle)) / period * 2 * np.pi + _cloud(size, 3, rng) * rng.uniform(0, 25)
    stripes = np.stack([np.sin(phase + shift) for shift in rng.uniform(0, 2, 3)], -1)
    return np.asarray(stripes * rng.uniform(0.01, 0.06), np.float32)


def _cloud(size: tuple[int, int], detail: int, rng: Random) -> NDArray[np.float32]:
    """A smooth random field in [-1, 1]."""
    coarse = Image.fromarray(rng.uniform(-1, 1, (detail, detail)).astype(np.float32))
    return np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))


def _near(colour: tuple[int, ...], by: int, rng: Random) -> tuple[int, ...]:
    return tuple(int(np.clip(part + rng.integers(-by, by + 1), 0, 255)) for part in colour)


def _image(levels: NDArray[np.floating]) -> Image.Image:
    return Image.fromarray((np.clip(levels, 0, 1) * 255).astype(np.uint8))


def _levels(image: Image.Image) -> NDArray[np.float32]:
    return np.asarray(image, np.float32) / np.float32(255)


def _jpeg(scene: Colours, rng: Random) -> bytes:
    packed = io.BytesIO()
    _image(scene).save(packed, "JPEG", quality=int(rng.integers(55, 93)))
    return packed.getvalue()
