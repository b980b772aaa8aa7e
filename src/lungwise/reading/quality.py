"""Whether a film can be read: rules that are certain, before and beside what the network says.

Every threshold lies outside what the training and validation films of all sources show, and
inside what the tuning half of the pictures from packages shows (docs/experiments/0002).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungwise.films import Film, Refusal
from lungwise.films.photograph.detection import MOST_COLOUR

_SAMPLED_SIDE = 128
"""Pixels along the longer side by which exposure is measured: all of them say the same, and cost much more."""

_NARROWEST_RANGE = 0.12
_FAINT_RANGE = 0.25
"""So few grey levels leave neighbours alike, as in a drawing: of such a film its exposure is to blame."""
_LIFTED_BLACK = 0.2
"""In a washed-out film even what should be black is grey; a dark film has black."""
_MOST_BLACK, _MOST_WHITE = 0.7, 0.5
_BLACK, _WHITE = 0.02, 0.98
_LONGEST_SIDE = 2.4
_SHORTEST_SIDE = 120
_MOST_TRANSPARENT = 0.05
_FEWEST_MIDDLE_GREYS = 0.35
_MOST_FLAT = 0.4
_NOISIEST, _SMOOTHEST = 0.7, 0.04
_NO_CHANGE = 1e-3


def refuse_unfit(film: Film, square: NDArray[np.float32]) -> Exposure:
    """Let a film pass that has the colours, the exposure, the shape and the detail of one, and return its exposure.

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
    exposure = _refuse_exposure(film.pixels)
    height, width = film.pixels.shape
    if min(height, width) < _SHORTEST_SIDE:
        raise Refusal("too-coarse")
    if max(height, width) > _LONGEST_SIDE * min(height, width):
        raise Refusal("cut-off")
    _refuse_texture(square, exposure)
    return exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Grey levels of a film before they are stretched: of its darkest parts, its middle, and its brightest parts."""

    low: float
    middle: float
    high: float

    @property
    def range(self) -> float:
        """How far apart the darkest and the brightest are."""
        return self.high - self.low

    @property
    def fault(self) -> str:
        """What is wrong with it if it shows too few grey levels."""
        return "too-dark" if self.middle < 0.5 and self.low < _LIFTED_BLACK else "too-bright"


def _refuse_exposure(pixels: NDArray[np.float32]) -> Exposure:
    step = -(-max(pixels.shape) // _SAMPLED_SIDE)
    levels = pixels[::step, ::step]
    low, middle, high = np.percentile(levels, (0.5, 50, 99.5))
    exposure = Exposure(low=float(low), middle=float(middle), high=float(high))
    if exposure.range < _NARROWEST_RANGE:
        raise Refusal(exposure.fault)
    if (levels < _BLACK).mean() > _MOST_BLACK:
        raise Refusal("too-dark")
    if (levels > _WHITE).mean() > _MOST_WHITE:
        raise Refusal("too-bright")
    return exposure


def _refuse_texture(square: NDArray[np.float32], exposure: Exposure) -> None:
    """Drawings are flat between their lines, noise changes from pixel to pixel, and tissue does neither."""
    across, down = np.diff(square, axis=1)[:-1], np.diff(square, axis=0)[:, :-1]
    inner = square[:-1, :-1]
    middle = (inner > 0.03) & (inner < 0.97)
    flat = (np.abs(across) + np.abs(down) < _NO_CHANGE) & middle
    change = float(np.sqrt(np.mean(across**2 + down**2))) / max(float(square.std()), _NO_CHANGE)
    is_flat = flat.sum() > _MOST_FLAT * middle.sum()
    if is_flat and exposure.range < _FAINT_RANGE:
        raise Refusal(exposure.fault)
    if middle.mean() < _FEWEST_MIDDLE_GREYS or is_flat or change > _NOISIEST:
        raise Refusal("not-a-chest-film")
    if change < _SMOOTHEST:
        raise Refusal("too-coarse")
