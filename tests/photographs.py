"""Twelve photographs of a drawn film, as phones take them: each with what makes it hard."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lungwise.cli.synthetic_film import synthetic_film
from lungwise.films.photograph.perspective import Corners, rectangle, through, warp

SIZE = (800, 600)
SIDE = 520
Colour = tuple[int, int, int]
LIT, ROOM = (246, 249, 251), (70, 66, 60)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a photograph shows; corners move by up to `skew` of the box's sides."""

    margin: tuple[int, int, int, int] = (100, 90, 100, 80)
    border: int = 0
    glass: Colour = LIT
    room: Colour = ROOM
    skew: float = 0.03
    angle: float = 3
    scale: float = 0.85
    films: int = 1
    light: float = 1.0
    noise: float = 0.01
    glare: bool = False
    hand: bool = False
    lines: bool = False


SCENES = {
    "straight": Scene(),
    "perspective": Scene(skew=0.09, angle=8),
    "turned": Scene(skew=0.02, angle=16),
    "glare": Scene(glare=True),
    "light box border": Scene(border=26, margin=(50, 45, 50, 45)),
    "hand": Scene(hand=True),
    "dim": Scene(light=0.22, noise=0.02),
    "several films": Scene(films=2, scale=0.95, margin=(40, 40, 40, 40), skew=0.02),
    "an edge outside": Scene(scale=1.35),
    "a screen": Scene(glass=(25, 25, 27), room=(180, 176, 170), margin=(160, 20, 160, 20), border=18),
    "on a desk": Scene(margin=(0, 0, 0, 0), room=(205, 200, 190), skew=0.02),
    "several edges": Scene(lines=True),
}


def photograph(scene: Scene, seed: int = 0) -> tuple[bytes, Corners]:
    """Take a photograph: a JPEG, and the film's corners in it as fractions of its sides."""
    rng = np.random.default_rng(seed)
    flat, film = _hung(scene)
    corners = (rectangle(*flat.size) - np.array(flat.size) / 2) * scene.scale
    corners *= min(SIZE[0] / flat.width, SIZE[1] / flat.height)
    angle = np.deg2rad(scene.angle)
    corners = corners @ np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    corners += rng.uniform(-scene.skew, scene.skew, (4, 2)) * np.array(flat.size) * scene.scale + np.array(SIZE) / 2
    image = Image.new("RGB", SIZE, scene.room)
    inside = warp(Image.new("L", flat.size, 255), SIZE, corners, rectangle(*flat.size))
    image.paste(warp(flat, SIZE, corners, rectangle(*flat.size)), mask=inside)
    found = through(film, rectangle(*flat.size), corners)
    _disturb(image, found, scene)
    return _taken(image, scene, rng), found / SIZE


def overlap(one: Corners, other: Corners) -> float:
    """Give what two quadrilaterals have in common, as a share of both together."""
    masks = []
    for corners in (one, other):
        mask = Image.new("1", SIZE)
        ImageDraw.Draw(mask).polygon([tuple(point) for point in (np.array(corners) * SIZE).tolist()], fill=1)
        masks.append(np.asarray(mask))
    return float((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum())


def _hung(scene: Scene) -> tuple[Image.Image, Corners]:
    film = synthetic_film(3, 1).convert("RGB")
    film = film.resize((round(film.width * SIDE / film.height), SIDE))
    left, top, right, bottom = scene.margin
    width = film.width * scene.films + 40 * (scene.films - 1)
    flat = Image.new("RGB", (width + left + right, film.height + top + bottom), scene.glass)
    for n in range(scene.films):
        flat.paste(film, (left + n * (film.width + 40), top))
    if scene.border:
        ImageDraw.Draw(flat).rectangle(
            (0, 0, flat.width - 1, flat.height - 1), outline=(60, 60, 62), width=scene.border
        )
    return flat, rectangle(*film.size) + np.array((left, top))


def _disturb(image: Image.Image, film: Corners, scene: Scene) -> None:
    draw = ImageDraw.Draw(image)
    if scene.hand:
        x, y = (film[2] + film[3]) / 2
        for n in range(4):
            draw.ellipse((x - 70 + n * 28, y - 140, x - 44 + n * 28, y + 60), fill=(196, 150, 125))
        draw.ellipse((x - 85, y - 20, x + 60, y + 200), fill=(190, 145, 120))
    if scene.lines:
        for n in range(5):
            draw.line((0, 80 + n * 110, SIZE[0], 50 + n * 118), fill=(200, 200, 200), width=4)
            draw.line((60 + n * 170, 0, 90 + n * 165, SIZE[1]), fill=(210, 210, 200), width=4)
    if scene.glare:
        spot = Image.radial_gradient("L").resize((260, 260)).point(lambda value: max(0, 255 - 2 * value))
        at = film[1] * 0.8 + film[3] * 0.2 - 130
        image.paste((255, 255, 255), (round(at[0]), round(at[1])), spot)


def _taken(image: Image.Image, scene: Scene, rng: np.random.Generator) -> bytes:
    seen = np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)), np.float32) / 255 * (0.95, 0.98, 1.0) * scene.light
    seen = seen + rng.standard_normal(seen.shape) * scene.noise
    out = io.BytesIO()
    Image.fromarray((np.clip(seen, 0, 1) * 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()
