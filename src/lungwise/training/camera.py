"""What a telephone's camera does to a film on a light box or a screen: light, shadow, moire.

The geometry of a photograph is put right before a film is read; what light did to it is not,
so that is what the network must have seen. The evaluation has a camera of its own, made
differently on purpose.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Grey = NDArray[np.uint8]
Light = NDArray[np.float32]
"""(height, width), 0 dark and 1 bright, beyond while it is added up."""

Random = np.random.Generator


def photograph(film: Grey, rng: Random) -> Grey:
    """Return a film as a telephone's camera would see it, already cut out and straight."""
    seen = film.astype(np.float32) / np.float32(255)
    seen = seen * np.float32(rng.uniform(0.55, 0.95)) + np.float32(rng.uniform(0.0, 0.25))
    for chance, effect in _EFFECTS:
        if rng.random() < chance:
            seen = effect(seen, rng)
    seen = seen + rng.standard_normal(seen.shape, np.float32) * np.float32(rng.uniform(0.0, 0.03))
    blurred = Image.fromarray((np.clip(seen, 0, 1) * 255).astype(np.uint8))
    return np.asarray(blurred.filter(ImageFilter.GaussianBlur(rng.uniform(0.0, 1.1))))


def _shadow(seen: Light, rng: Random) -> Light:
    """A hand, a window or the light box's edge: darker to one side."""
    x, y = _grid(seen)
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    softness = rng.uniform(0.1, 1.2)
    shade = 1 / (1 + np.exp(-(along - rng.uniform(-0.4, 0.4)) / softness * 4))
    shaded: Light = (seen * (1 - rng.uniform(0.1, 0.5) * shade)).astype(np.float32)
    return shaded


def _glare(seen: Light, rng: Random) -> Light:
    """A lamp reflected in the film or on the screen."""
    x, y = _grid(seen)
    width, height = rng.uniform(0.04, 0.35, 2)
    centre = rng.uniform(-0.5, 0.5, 2)
    spot = np.exp(-(((x - centre[0]) / width) ** 2) - ((y - centre[1]) / height) ** 2)
    lit: Light = (seen + rng.uniform(0.1, 0.7) * spot).astype(np.float32)
    return lit


def _moire(seen: Light, rng: Random) -> Light:
    """The beat of a screen's pixels with the camera's: faint bent stripes."""
    x, y = _grid(seen)
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(6, 70)
    along = x * np.cos(angle) + y * np.sin(angle) + rng.uniform(-0.3, 0.3) * (x**2 + y**2)
    stripes = np.sin(2 * np.pi * pitch * along + rng.uniform(0, 2 * np.pi))
    striped: Light = (seen * (1 + rng.uniform(0.01, 0.09) * stripes)).astype(np.float32)
    return striped


def _falloff(seen: Light, rng: Random) -> Light:
    """A lens and a light box are brightest in the middle."""
    x, y = _grid(seen)
    return (seen * (1 - rng.uniform(0.1, 0.8) * (x**2 + y**2))).astype(np.float32)


def _grid(seen: Light) -> tuple[Light, Light]:
    """Place from -0.5 to 0.5 across and down."""
    height, width = seen.shape
    across, down = np.linspace(-0.5, 0.5, width, dtype=np.float32), np.linspace(-0.5, 0.5, height, dtype=np.float32)
    x, y = np.meshgrid(across, down)
    return x, y


_EFFECTS: tuple[tuple[float, Callable[[Light, Random], Light]], ...] = (
    (0.5, _shadow),
    (0.4, _glare),
    (0.4, _moire),
    (0.4, _falloff),
)
