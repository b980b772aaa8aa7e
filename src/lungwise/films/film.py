"""A Film: one radiograph as grey pixels, with the facts its file carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ADULT = 18
"""Years from which a patient is not a child."""

Corner = tuple[float, float]
"""x and y as fractions of a picture's width and height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Photographed:
    """That a camera took a picture, and where the film lies in it.

    Parameters
    ----------
    corners
        Upper left, upper right, lower right and lower left corner; None where nobody has marked them, and the film
        is to be found.
    """

    corners: tuple[Corner, Corner, Corner, Corner] | None = None


def photographed_from(corners: Sequence[Sequence[float]] | None) -> Photographed:
    """Read the corners as they are kept in JSON."""
    if corners is None:
        return Photographed()
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    return Photographed(corners=(a, b, c, d))


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """One radiograph.

    Parameters
    ----------
    pixels
        (height, width) float32, grey in [0, 1], upright as the file says, air dark.
    view
        DICOM View Position (PA, AP, LL, ...), where the file says.
    laterality
        DICOM Image Laterality (L, R, B), where the file says.
    age
        Patient's age in years, where the file says; of a child today, where it does not say when the film was taken.
    sex
        DICOM Patient's Sex (F, M, O), where the file says.
    pixel_spacing
        Millimetres between rows and between columns, where the file says.
    photometric
        As stored: MONOCHROME1, MONOCHROME2, RGB, PALETTE COLOR, ...
    kind
        The file's format, as `films.formats` names it.
    photograph
        Whether the film was found in a photograph of a light box or a screen, and cut out of it.
    colour
        Spread of colour that no one tint explains, in [0, 1]; a radiograph has next to none.
    transparent
        Share of the file's pixels that are transparent; a radiograph has none.
    warnings
        What the file's header states and cannot mean: codes of `films.refusals`.
    """

    pixels: NDArray[np.float32]
    photometric: str
    kind: str
    view: str | None = None
    laterality: str | None = None
    age: float | None = None
    sex: str | None = None
    pixel_spacing: tuple[float, float] | None = None
    photograph: bool = False
    colour: float = 0.0
    transparent: float = 0.0
    warnings: tuple[str, ...] = ()
