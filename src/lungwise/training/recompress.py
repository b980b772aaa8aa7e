"""JPEG compression of whole batches: its cosine transform, rounded by its luminance table (ITU-T T.81, K.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from lungwise.training.draws import Draws

_BLOCK = 8
_MIDDLE = 128 / 255
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def recompress(films: Tensor, rng: Draws) -> Tensor:
    """Compress films, (n, 1, size, size) in [0, 1], each with a quality from 20 to 90."""
    quality = rng.uniform(20, 90, len(films))
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    steps = torch.tensor(_LUMINANCE, device=films.device) * scale[:, None, None] / 255
    return compress(films, steps.clamp(min=1 / 255))


def compress(films: Tensor, steps: Tensor) -> Tensor:
    """Round the cosine transform of each 8 x 8 block to multiples of `steps` (n, 8, 8)."""
    number, size = len(films), films.shape[-1]
    missing = -size % _BLOCK
    padded = F.pad(films, (0, missing, 0, missing), mode="replicate")[:, 0] - _MIDDLE
    across = padded.shape[-1] // _BLOCK
    blocks = padded.view(number, across, _BLOCK, across, _BLOCK).transpose(2, 3)
    cosines = _cosines(films.device)
    steps = steps[:, None, None]
    rounded = (cosines @ blocks @ cosines.T / steps).round() * steps
    pixels = (cosines.T @ rounded @ cosines).transpose(2, 3).reshape(number, 1, across * _BLOCK, across * _BLOCK)
    return (pixels[..., :size, :size] + _MIDDLE).clamp(0, 1)


def _cosines(device: torch.device) -> Tensor:
    """(8, 8) orthonormal cosine transform."""
    places = torch.arange(_BLOCK, device=device)
    waves = torch.cos((2 * places + 1) * places[:, None] * math.pi / (2 * _BLOCK))
    waves[0] /= math.sqrt(2)
    return waves / 2
