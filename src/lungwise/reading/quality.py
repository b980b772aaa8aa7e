"""Whether a film can be read: rules that are certain, before and beside what the network says.

Every threshold lies outside what the training and validation films of all sources show, and
inside what the tuning half of the pictures from packages shows (docs/experiments/0002).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungwise.films import Film, Refusal
from lungwise.films.photograph.detection import MOST_COLOUR

_SAMPLED_SIDE = 128
"""Pixels along the longer side by which exposure is measured: all of them say the same, and cost much more."""

_NARROWEST_RANGE = 0.12
_MOST_BLACK, _MOST_WHITE = 0.7, 0.5
_BLACK, _WHITE = 0.02, 0.98
_LONGEST_SIDE = 2.4
_SHORTEST_SIDE = 120
_MOST_TRANSPARENT = 0.05
_FEWEST_MIDDLE_GREYS = 0.35
_MOST_FLAT = 0.4
_NOISIEST, _SMOOTHEST = 0.7, 0.04
_NO_CHANGE = 1e-3


def refuse_unfit(film: Film, square: NDArray[np.float32]) -> None:
    """Let a film pass that has the colours, the exposure, the shape and the detail of one.

    Parameters
    ----------
    film
        As it was opened: its exposure is measured before its levels are stretched.
    square
        (size, size) preprocessed.

    Raises
    ------
    Refusal
        `not-a-chest-film`, `too-dark`, `too-bright`, `cut-off` or `too-coarse`.
    """
    if film.colour > MOST_COLOUR or film.transparent > _MOST_TRANSPARENT:
        raise Refusal("not-a-chest-film")
    _refuse_exposure(film.pixels)
    height, width = film.pixels.shape
    if min(height, width) < _SHORTEST_SIDE:
        raise Refusal("too-coarse")
    if max(height, width) > _LONGEST_SIDE * min(height, width):
        raise Refusal("cut-off")
    _refuse_texture(square)


def _refuse_exposure(pixels: NDArray[np.float32]) -> None:
    step = -(-max(pixels.shape) // _SAMPLED_SIDE)
    levels = pixels[::step, ::step]
    low, middle, high = np.percentile(levels, (0.5, 50, 99.5))
    faint = high - low < _NARROWEST_RANGE
    if (faint and middle < 0.5) or (levels < _BLACK).mean() > _MOST_BLACK:
        raise Refusal("too-dark")
    if faint or (levels > _WHITE).mean() > _MOST_WHITE:
        raise Refusal("too-bright")


def _refuse_texture(square: NDArray[np.float32]) -> None:
    """Drawings are flat between their lines, noise changes from pixel to pixel, and tissue does neither."""
    across, down = np.diff(square, axis=1)[:-1], np.diff(square, axis=0)[:, :-1]
    inner = square[:-1, :-1]
    middle = (inner > 0.03) & (inner < 0.97)
    flat = (np.abs(across) + np.abs(down) < _NO_CHANGE) & middle
    change = float(np.sqrt(np.mean(across**2 + down**2))) / max(float(square.std()), _NO_CHANGE)
    if middle.mean() < _FEWEST_MIDDLE_GREYS or flat.sum() > _MOST_FLAT * middle.sum() or change > _NOISIEST:
        raise Refusal("not-a-chest-film")
    if change < _SMOOTHEST:
        raise Refusal("too-coarse")
