"""How a DICOM film is shown, said of its stored numbers: what a presentation state repeats (PS3.3, C.11.8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungwise.films.dicom.elements import Elements
from lungwise.films.dicom.grey_levels import Numbers, displays, full_range, occurring, word_scale
from lungwise.films.dicom.image_pixel import ImagePixel
from lungwise.films.dicom.pixel_data import of_grey_film

_MOST = 2**16 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Softcopy:
    """How a film's stored numbers become grey.

    Parameters
    ----------
    rows, columns
        Of the film.
    low, high
        The numbers that are shown black and white.
    table
        Where no window says it: the grey, up to 65535, of each number from `first` on.
    inverse
        Whether black and white then change places.
    """

    rows: int
    columns: int
    low: float = 0.0
    high: float = 255.0
    first: int = 0
    table: NDArray[np.uint16] | None = None
    inverse: bool = False


def read_softcopy(data: bytes) -> Softcopy | None:
    """Read how a DICOM film is shown; None of colours.

    Raises
    ------
    Refusal
        If it cannot be decoded.
    """
    return of_grey_film(data, _softcopy)


def _softcopy(words: NDArray[Any], elements: Elements, pixel: ImagePixel) -> Softcopy:
    scale = word_scale(words, elements, pixel)
    display = next(displays(words, elements, pixel, scale), None)
    levels = display.levels if display else full_range(scale.numbers, occurring(words, scale))
    present = np.unique(words)
    stored, which = np.unique(pixel.numbers()[present], return_index=True)
    shown = Softcopy(
        rows=pixel.rows,
        columns=pixel.columns,
        low=float(stored[0]),
        high=float(max(stored[-1], stored[0] + 1)),
        inverse=pixel.photometric == "MONOCHROME1",
    )
    return _with_levels(shown, stored, levels[present][which])


def _with_levels(shown: Softcopy, stored: Numbers, levels: Numbers) -> Softcopy:
    """Say the levels as a window where they lie on a rising line, and else as a table."""
    slope = (levels[-1] - levels[0]) / max(stored[-1] - stored[0], 1)
    line = levels[0] + slope * (stored - stored[0])
    black = stored[0] - levels[0] / slope if slope > 0 else np.nan
    if np.isfinite(black) and np.allclose(levels, line, atol=1e-6):
        return replace(shown, low=float(black), high=float(black + 1 / slope))
    numbers = np.arange(stored[0], stored[-1] + 1)
    if stored[0] < 0 or not np.isfinite(levels).all():
        return shown
    greys = np.rint(np.clip(np.interp(numbers, stored, levels), 0, 1) * _MOST).astype(np.uint16)
    return replace(shown, first=int(stored[0]), table=greys)
