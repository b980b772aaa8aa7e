"""A DICOM film's numbers at their full depth, for a viewer that windows them itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungwise.films.dicom.elements import Elements
from lungwise.films.dicom.grey_levels import Display, Window, WordScale, displays, look_up, occurring, word_scale
from lungwise.films.dicom.image_pixel import ImagePixel
from lungwise.films.dicom.pixel_data import of_grey_film

_MOST = 2**16 - 1
_MAX_WINDOWS = 8
_CURVE_POINTS = 1024
"""Points of a curve that is no window: more than a screen has greys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullDepth:
    """The numbers of one film, counted so that black comes first.

    Parameters
    ----------
    values
        (rows, columns), 0 for the darkest number that occurs, `top` for the brightest; padding is 0.
    top
        The greatest value.
    slope, intercept
        The number that a value stands for is `slope * value + intercept`.
    bits
        That the file says it stores.
    windows
        Of the file, in values.
    curve
        Where the file asks for a curve that is no window: the grey in [0, 1] at equal steps from 0 to `top`.
    """

    values: NDArray[np.uint16]
    top: int
    slope: float
    intercept: float
    bits: int
    windows: tuple[Window, ...] = ()
    curve: tuple[float, ...] | None = None


def read_full_depth(data: bytes) -> FullDepth | None:
    """Read the numbers of a DICOM film, with limits on time and memory; None of colours, and of a film of one grey.

    Raises
    ------
    Refusal
        If it cannot be decoded.
    """
    return of_grey_film(data, _full_depth)


def reduced(values: NDArray[np.uint16], side: int) -> NDArray[np.uint16]:
    """Make values smaller, their longest side at most `side`, each the mean of those that it stands for."""
    if max(values.shape) <= side:
        return values
    wide = Image.fromarray(_block_means(values, max(values.shape) // side))
    wide.thumbnail((side, side), Image.Resampling.BOX)
    means: NDArray[np.uint16] = np.rint(np.asarray(wide)).astype(np.uint16)
    return means


def _block_means(values: NDArray[np.uint16], size: int) -> NDArray[np.float32]:
    """Return the means of blocks of so many pixels a side: so a huge film is never held whole as real numbers."""
    rows, columns = (length // size for length in values.shape)
    blocks = values[: rows * size, : columns * size].reshape(rows, size, columns, size)
    means: NDArray[np.float32] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return means


def _full_depth(words: NDArray[Any], elements: Elements, pixel: ImagePixel) -> FullDepth | None:
    scale = word_scale(words, elements, pixel)
    found = occurring(words, scale)
    low, high = (float(found.min()), float(found.max())) if found.size else (0.0, 0.0)
    if not (low < high and np.isfinite(high - low)):
        return None
    whole = high - low <= _MOST and bool((scale.numbers == np.rint(scale.numbers)).all())
    counted = _Counted(low, high, 1.0 if whole else (high - low) / _MOST, pixel.photometric == "MONOCHROME1")
    index = np.clip(np.rint(counted.value(scale.numbers)), 0, counted.top)
    index[scale.air] = 0
    shown = list(displays(words, elements, pixel, scale, _MAX_WINDOWS))
    windows = (counted.window(display.window) for display in shown if display.window)
    slope, intercept = counted.line
    return FullDepth(
        values=look_up(words, index.astype(np.uint16)),
        top=counted.top,
        slope=slope,
        intercept=intercept,
        bits=pixel.bits_stored,
        windows=tuple(window for window in windows if _is_shown(window)),
        curve=_curve(shown[0], scale, counted) if shown and shown[0].window is None else None,
    )


def _is_shown(window: Window) -> bool:
    """Whether a window has a width: one far from the film's numbers, or narrower than they are exact, has none."""
    return bool(np.isfinite([window.low, window.high]).all()) and window.low < window.high


class _Counted:
    """How numbers from `low` to `high` are counted in steps, backwards where the greatest is black."""

    def __init__(self, low: float, high: float, step: float, backwards: bool) -> None:
        self._low, self._high, self._step, self._backwards = low, high, step, backwards
        self.top = round((high - low) / step)

    @property
    def backwards(self) -> bool:
        """Whether the greatest number is black."""
        return self._backwards

    @property
    def line(self) -> tuple[float, float]:
        """Slope and intercept, from a value to its number."""
        return (-self._step, self._high) if self._backwards else (self._step, self._low)

    def value(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values of numbers, unrounded."""
        return (self._high - numbers if self._backwards else numbers - self._low) / self._step

    def window(self, window: Window) -> Window:
        """Return a window of numbers as one of values."""
        low, high = np.sort(self.value(np.array([window.low, window.high])))
        return Window(name=window.name, low=float(low), high=float(high))


def _curve(display: Display, scale: WordScale, counted: _Counted) -> tuple[float, ...]:
    value = counted.value(scale.numbers)
    inside = ~scale.air & (value >= 0) & (value <= counted.top)
    values, first = np.unique(value[inside], return_index=True)
    levels = display.levels[inside][first]
    steps = np.interp(np.linspace(0, counted.top, _CURVE_POINTS), values, 1 - levels if counted.backwards else levels)
    return tuple(np.clip(steps, 0, 1).round(4).tolist())
