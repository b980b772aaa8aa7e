"""The one preprocessing: what training, evaluation and serving all feed the network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PREPROCESSING = "grey|squash(299)|stretch(0.5,99.5)|v2"
"""Name and version; stored in the model card and checked when an artefact is loaded."""

SIZE = 299
LEAST_SIDE = 512
"""Pixels of a film's shorter side that are worth decoding: 1.7 for each of the square's."""

_DARKEST, _BRIGHTEST = 0.005, 0.995


def preprocess(pixels: NDArray[np.float32], size: int = SIZE) -> NDArray[np.float32]:
    """Squash a film to a square and stretch its grey levels.

    Parameters
    ----------
    pixels
        (height, width), grey in [0, 1], air dark.
    size
        Side of the square in pixels. Training starts with smaller squares.

    Returns
    -------
    (size, size) in [0, 1]: the 0.5th percentile becomes 0, the 99.5th becomes 1. A film of
    one grey level becomes all 0.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels, np.float32))
    # whole pixels are averaged first: from a megapixel that takes a third of the time
    square = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=1.0))
    low, high = _levels(square)
    stretched: NDArray[np.float32] = np.clip((square - low) / max(high - low, 1e-3), 0, 1, dtype=np.float32)
    return stretched


def _levels(square: NDArray[np.float32]) -> tuple[float, float]:
    """Return the stretch's two percentiles, by partition: a full sort costs more than the resize."""
    first, last = int(_DARKEST * (square.size - 1)), int(_BRIGHTEST * (square.size - 1))
    ordered = np.partition(square, (first, last), axis=None)
    return float(ordered[first]), float(ordered[last])
