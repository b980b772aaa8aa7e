"""The Image Pixel Module of a DICOM film: how its pixels are stored (DICOM PS3.3, C.7.6.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungwise.films.dicom.elements import Elements
from lungwise.films.limits import check_size, damaged, several_frames
from lungwise.films.refusals import Refusal

SAMPLES, _PHOTOMETRIC, _PLANAR, _FRAMES = 0x00280002, 0x00280004, 0x00280006, 0x00280008
ROWS, COLUMNS, _ALLOCATED, _STORED = 0x00280010, 0x00280011, 0x00280100, 0x00280101
_HIGH_BIT, _SIGNED = 0x00280102, 0x00280103
_GREY = {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"}
_COLOUR = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePixel:
    """How the pixels of one film are stored."""

    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: bool

    @property
    def values(self) -> int:
        """Number of samples of the whole film."""
        return self.rows * self.columns * self.samples

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its decoded words: (rows, columns), or (rows, columns, samples) of colours."""
        return (self.rows, self.columns, self.samples)[: 2 + (self.samples > 1)]

    def numbers(self) -> NDArray[np.float64]:
        """Return the number that each possible word of `bits_allocated` bits stands for."""
        words = np.arange(1 << self.bits_allocated)
        numbers = words >> (self.high_bit + 1 - self.bits_stored) & (1 << self.bits_stored) - 1
        if self.signed:
            sign = 1 << (self.bits_stored - 1)
            numbers = (numbers ^ sign) - sign
        return numbers.astype(np.float64)


def read_image_pixel(elements: Elements) -> ImagePixel:
    """Read the module and refuse what no film has, before any pixel is decoded.

    Raises
    ------
    Refusal
        `several-frames`, `too-small`, `too-many-pixels`, `unsupported` or `damaged`.
    """
    if (elements.number(_FRAMES) or 1) > 1:
        raise several_frames()
    pixel = _declared(elements)
    check_size(pixel.columns, pixel.rows)
    _check_bits(pixel)
    _check_samples(pixel)
    return pixel


def _declared(elements: Elements) -> ImagePixel:
    samples = elements.word(SAMPLES, 1)
    stored = elements.word(_STORED, 0)
    high_bit = elements.word(_HIGH_BIT, stored - 1)
    return ImagePixel(
        rows=elements.word(ROWS, 0),
        columns=elements.word(COLUMNS, 0),
        samples=samples,
        photometric=elements.text(_PHOTOMETRIC).upper() or ("MONOCHROME2" if samples == 1 else "RGB"),
        bits_allocated=elements.word(_ALLOCATED, 0),
        bits_stored=stored,
        high_bit=high_bit if high_bit + 1 >= stored else stored - 1,
        signed=elements.word(_SIGNED, 0) == 1,
        planar=elements.word(_PLANAR, 0) == 1,
    )


def _check_bits(pixel: ImagePixel) -> None:
    if pixel.bits_allocated not in (8, 16):
        raise Refusal("unsupported", {"detail": "bits", "bits": pixel.bits_allocated})
    if not 1 <= pixel.bits_stored <= pixel.high_bit + 1 <= pixel.bits_allocated:
        raise damaged("contradiction")


def _check_samples(pixel: ImagePixel) -> None:
    if pixel.photometric not in _GREY | _COLOUR:
        raise Refusal("unsupported", {"detail": "colours", "colours": pixel.photometric[:16]})
    if pixel.samples != (1 if pixel.photometric in _GREY else 3):
        raise damaged("contradiction")
