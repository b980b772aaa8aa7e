"""Films for the tests, drawn rather than taken."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def chest_film(height: int = 160, width: int = 128, seed: int = 0) -> NDArray[np.float64]:
    """A plausible frontal chest film: (height, width) in [0, 1], air dark, heart on the picture's right."""
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]

    def ellipse(y: float, x: float, tall: float, wide: float) -> NDArray[np.float64]:
        inside = 1 - ((down - y) / tall) ** 2 - ((across - x) / wide) ** 2
        return np.asarray(np.clip(inside * 4, 0, 1), np.float64)

    film = 0.05 + 0.6 * ellipse(0.1, 0, 1.2, 0.95)
    film -= 0.4 * (ellipse(-0.05, -0.42, 0.7, 0.34) + ellipse(-0.05, 0.42, 0.7, 0.34))
    film += 0.3 * ellipse(0.25, 0.15, 0.35, 0.3) + 0.25 * np.exp(-((across / 0.08) ** 2)) + 0.05 * np.sin(down * 24)
    film += np.random.default_rng(seed).normal(0, 0.01, film.shape)
    return np.asarray(np.clip(film, 0, 1), np.float64)


def chest_bytes(height: int = 160, width: int = 128, seed: int = 0) -> NDArray[np.uint8]:
    """The drawn film in 8 bits."""
    return (chest_film(height, width, seed) * 255).astype(np.uint8)


def chest_words(height: int = 160, width: int = 128, seed: int = 0, bits: int = 16) -> NDArray[np.uint16]:
    """The drawn film in up to 16 bits."""
    return np.asarray(chest_film(height, width, seed) * (2**bits - 1), np.uint16)


def picture(pixels: NDArray[Any] | Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture file."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
