"""The heat map over the film, as a picture for people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungwise.films import Film
from lungwise.reading.reading import Reading

_FAINT = 0.1
"""Opacity below this is left uncoloured, so that a clear lung stays grey."""

_STRONGEST = 0.55
"""Share of colour where the heat map is 1: the film must show through."""

_RAMP = np.array([(255, 221, 64), (255, 128, 16), (222, 24, 24)], np.float32)
"""Yellow, orange, red: weak to strong, told apart by the colour-blind too."""


def overlay(film: Film, reading: Reading, longest: int = 1024) -> Image.Image:
    """Draw a reading's heat map over its film.

    Returns
    -------
    An RGB picture of the film's shape, its longer side at most `longest` pixels.
    """
    grey = Image.fromarray(np.rint(film.pixels * 255).astype(np.uint8))
    grey.thumbnail((longest, longest), Image.Resampling.BOX)
    heat = _enlarged(reading.heat_map, grey.size)
    share = (np.clip((heat - _FAINT) / (1 - _FAINT), 0, 1) ** 0.7 * _STRONGEST)[..., None]
    picture = np.asarray(grey, np.float32)[..., None] * (1 - share) + _coloured(heat) * share
    return Image.fromarray(np.rint(picture).astype(np.uint8), "RGB")


def _enlarged(heat: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    large = Image.fromarray(np.ascontiguousarray(heat)).resize(size, Image.Resampling.BICUBIC)
    clipped: NDArray[np.float32] = np.clip(np.asarray(large), 0, 1)
    return clipped


def _coloured(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    steps = np.linspace(0, 1, len(_RAMP))
    return np.stack([np.interp(heat, steps, _RAMP[:, channel]) for channel in range(3)], -1).astype(np.float32)
