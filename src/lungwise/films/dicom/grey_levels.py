"""From stored words to grey levels: modality LUT, VOI LUT and padding (DICOM PS3.3, C.11.1, C.11.2 and C.7.5.1.1.2).

A stored word has 8 or 16 bits, so the grey of every possible word is computed once, and the
film is then one look-up: exact, fast, and small in memory whatever the film's size.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lungwise.films.depth import white_level
from lungwise.films.dicom.elements import Elements, printable
from lungwise.films.dicom.image_pixel import ImagePixel
from lungwise.films.limits import damaged
from lungwise.films.refusals import Refusal

_PADDING, _PADDING_LIMIT = 0x00280120, 0x00280121
_INTERCEPT, _SLOPE, _MODALITY_SEQUENCE = 0x00281052, 0x00281053, 0x00283000
_CENTER, _WIDTH, _NAMES, _FUNCTION, _VOI_SEQUENCE = 0x00281050, 0x00281051, 0x00281055, 0x00281056, 0x00283010
_LUT_DESCRIPTOR, _LUT_DATA = 0x00283002, 0x00283006
_PALETTES = ((0x00281101, 0x00281201), (0x00281102, 0x00281202), (0x00281103, 0x00281203))
_LUMA = (0.299, 0.587, 0.114)
_RGB = {"RGB", "YBR_ICT", "YBR_RCT"}  # JPEG 2000 undoes its own transform as it decodes
_BLOCK_PIXELS = 2**20
_SAMPLED_SIDE = 256
"""Pixels along the longer side that tell what a window shows."""

_NEARLY, _FEWEST_SHOWN = 0.002, 0.02

Numbers = NDArray[np.float64]
Level = TypeVar("Level", np.float32, np.uint16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window of a film: its name, '' for none, and the numbers that it shows black and white."""

    name: str
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WordScale:
    """What every possible word of a film stands for: its number, and whether it is padding around the film."""

    numbers: Numbers
    air: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """How a film shows its numbers: the grey of every possible word, and the window where it is a linear one."""

    levels: Numbers
    window: Window | None = None


def grey_film(words: NDArray[Any], elements: Elements, pixel: ImagePixel) -> NDArray[np.float32]:
    """Turn the stored words of a one-sample film into grey in [0, 1], air dark.

    Without a VOI LUT or window the levels that occur, padding aside, span the whole range. A table, slope,
    window or padding that cannot be meant is ignored, and the next rule holds.

    Raises
    ------
    Refusal
        `damaged`, if a palette is shorter than it says; `unsupported`, if it is segmented.
    """
    with np.errstate(all="ignore"):  # hostile slopes and windows: their result is checked instead
        if pixel.photometric == "PALETTE COLOR":
            levels = _palette(elements, pixel.numbers())
        else:
            levels = _grey_levels(words, elements, pixel)
    if not np.isfinite(levels).all():
        raise damaged("numbers")
    return look_up(words, np.clip(levels, 0, 1).astype(np.float32))


def word_scale(words: NDArray[Any], elements: Elements, pixel: ImagePixel) -> WordScale:
    """Read what every possible word of a one-sample film stands for."""
    stored = pixel.numbers()
    air = _padding(elements, pixel, stored)
    if air.any() and air[_sample(words)].all() and not (_present(words, len(air)) & ~air).any():
        air[:] = False  # it was not meant, or all is of one grey anyway
    return WordScale(numbers=_modality(elements, pixel, stored), air=air)


def displays(
    words: NDArray[Any], elements: Elements, pixel: ImagePixel, scale: WordScale, windows: int = 1
) -> Iterator[Display]:
    """Yield the ways in which the file asks to be shown and anything is seen: its table, and so many of its windows.

    The levels are those of MONOCHROME2: 0 for the least number that is shown.
    """
    for display in _displayed(elements, pixel, scale.numbers, windows):
        if _shows_anything(display.levels, words, scale.air):
            yield display


def occurring(words: NDArray[Any], scale: WordScale) -> Numbers:
    """Return the numbers that occur, padding aside; where they rise with the words, only the least and the greatest."""
    numbers, air = scale.numbers, scale.air
    if not air.any() and (np.diff(numbers) >= 0).all():
        return numbers[[words.min(), words.max()]]
    return numbers[_present(words, len(numbers)) & ~air]


def _grey_levels(words: NDArray[Any], elements: Elements, pixel: ImagePixel) -> Numbers:
    scale = word_scale(words, elements, pixel)
    display = next(displays(words, elements, pixel, scale), None)
    levels = display.levels if display else full_range(scale.numbers, occurring(words, scale))
    if pixel.photometric == "MONOCHROME1":
        levels = 1 - levels
    levels[scale.air] = 0
    return levels


def _sample(words: NDArray[Any]) -> NDArray[Any]:
    """Return some words from all over the film."""
    step = -(-max(words.shape) // _SAMPLED_SIDE)
    return words[::step, ::step]


def _shows_anything(levels: Numbers, words: NDArray[Any], air: NDArray[np.bool_]) -> bool:
    """Return whether a window or table leaves more than black and white of the values that occur."""
    seen = _sample(words)
    shown = levels[seen[~air[seen]]]
    between = (shown > _NEARLY) & (shown < 1 - _NEARLY)
    return bool(np.isfinite(levels).all() and between.size and between.mean() > _FEWEST_SHOWN)


def _padding(elements: Elements, pixel: ImagePixel, stored: Numbers) -> NDArray[np.bool_]:
    """Mark the words that stand for the film's surroundings."""
    if _PADDING not in elements:
        return np.zeros(len(stored), np.bool_)
    ends = [elements.word(_PADDING, 0), elements.word(_PADDING_LIMIT, elements.word(_PADDING, 0))]
    low, high = sorted(np.array(ends, np.uint16).view(np.int16 if pixel.signed else np.uint16))
    padding: NDArray[np.bool_] = (stored >= low) & (stored <= high)
    return padding


def _modality(elements: Elements, pixel: ImagePixel, stored: Numbers) -> Numbers:
    lut = _lut_of(elements, _MODALITY_SEQUENCE, pixel)
    if lut is not None:
        return _through(lut, stored)
    slope, intercept = elements.number(_SLOPE), elements.number(_INTERCEPT)
    numbers = stored * (1 if slope is None else slope) + (intercept or 0)
    sound = slope != 0 and np.isfinite(numbers).all()
    return numbers if sound else stored  # a slope of 0 would make every film one grey


def _displayed(elements: Elements, pixel: ImagePixel, numbers: Numbers, most: int) -> Iterator[Display]:
    """Yield the ways in which the file asks to be shown: its table, and then its windows, so many at most."""
    lut = _lut_of(elements, _VOI_SEQUENCE, pixel)
    if lut is not None:
        yield Display(levels=_through(lut, numbers) / lut.top)
    names = iter(elements.texts(_NAMES))
    windows = zip(elements.numbers(_CENTER), elements.numbers(_WIDTH), strict=False)
    for center, width in itertools.islice(windows, most):
        display = _window(numbers, center, width, elements.text(_FUNCTION).upper(), printable(next(names, "")))
        if display is not None:
            yield display


def _lut_of(elements: Elements, sequence: int, pixel: ImagePixel) -> _Lut | None:
    """Return the first table of a sequence; None for none, or for one that is empty, short or of one level."""
    table = elements.first_item(sequence)
    if table is None or _LUT_DATA not in table or _LUT_DESCRIPTOR not in table:
        return None
    try:
        lut = _Lut(table, _LUT_DESCRIPTOR, _LUT_DATA, pixel.signed)
    except Refusal:
        return None
    return lut if lut.entries.min() < lut.entries.max() else None


def _window(numbers: Numbers, center: float, width: float, function: str, name: str) -> Display | None:
    """Follow PS3.3, C.11.2.1.2 and C.11.2.1.3; None for a width that is none, or a threshold of black and white."""
    if function == "SIGMOID" and width > 0:
        return Display(levels=1 / (1 + np.exp(-4 * (numbers - center) / width)))
    if function == "LINEAR_EXACT" and width > 0:
        return _linear(numbers, center, width, name)
    return _linear(numbers, center - 0.5, width - 1, name) if width > 1 else None


def _linear(numbers: Numbers, center: float, width: float, name: str) -> Display:
    window = Window(name=name, low=center - width / 2, high=center + width / 2)
    return Display(levels=(numbers - center) / width + 0.5, window=window)


def full_range(numbers: Numbers, occurring: Numbers) -> Numbers:
    """Return the levels of a film that does not say how to show it: those that occur span the whole range."""
    low, high = (occurring.min(), occurring.max()) if occurring.size else (0, 0)
    return (numbers - low) / (high - low) if high > low else np.zeros_like(numbers)


class _Lut:
    """A look-up table of DICOM: first number mapped, entries, and the largest level they may hold."""

    def __init__(self, elements: Elements, descriptor: int, data: int, signed: bool) -> None:
        words = elements.words(descriptor)
        if words.size != 3:
            raise damaged("table")
        count = int(words[0]) or 2**16
        explicit = elements[descriptor].vr
        signed = explicit == b"SS" or (signed and explicit != b"US")
        self.first = int(words[1:2].astype("<u2").view("<i2")[0] if signed else words[1])
        self.entries = _entries(elements, data, count)
        greatest, bits = float(self.entries.max()), int(words[2])
        self.top = white_level(greatest, bits if 1 <= bits <= 16 and greatest < 2**bits else 16)


def _entries(elements: Elements, tag: int, count: int) -> Numbers:
    size = len(elements[tag].value)
    if size in (count, count + 1) and count > 1:  # bytes, where the table has 8 bits
        return elements[tag].octets()[:count].astype(np.float64)
    words = elements.words(tag)
    if len(words) < count:
        raise damaged("table")
    return words[:count].astype(np.float64)


def _through(lut: _Lut, numbers: Numbers) -> Numbers:
    return lut.entries[np.clip(numbers - lut.first, 0, len(lut.entries) - 1).astype(np.intp)]


def _palette(elements: Elements, numbers: Numbers) -> Numbers:
    levels = np.zeros_like(numbers)
    for weight, (descriptor, data) in zip(_LUMA, _PALETTES, strict=True):
        if data not in elements:  # a segmented palette, or none
            raise Refusal("unsupported", {"detail": "palette"})
        lut = _Lut(elements, descriptor, data, signed=False)
        levels += weight * _through(lut, numbers) / lut.top
    return levels


def _blocks(pixels: NDArray[Any]) -> list[slice]:
    """Slices of rows of about a million pixels: numpy widens an index to 64 bits, so never the whole film at once."""
    step = max(1, _BLOCK_PIXELS // pixels.shape[1])
    return [slice(top, top + step) for top in range(0, len(pixels), step)]


def _present(words: NDArray[Any], count: int) -> NDArray[np.bool_]:
    present = np.zeros(count, np.bool_)
    for block in _blocks(words):
        present[words[block]] = True
    return present


def look_up(words: NDArray[Any], levels: NDArray[Level]) -> NDArray[Level]:
    """Return the level of each word, by the levels of every possible word."""
    pixels = np.empty(words.shape, levels.dtype)
    for block in _blocks(words):
        np.take(levels, words[block], mode="clip", out=pixels[block])
    return pixels


def luminance(words: NDArray[Any], pixel: ImagePixel) -> NDArray[np.float32]:
    """Turn the stored words of a colour film into grey in [0, 1]: the luma of RGB, the Y of YBR.

    Parameters
    ----------
    words
        (rows, columns, 3), or (rows, columns) of Y alone.
    pixel
        How they are stored.
    """
    full = np.float32(white_level(float(words.max()), pixel.bits_stored))
    pixels = np.empty(words.shape[:2], np.float32)
    for block in _blocks(pixels):
        part = words[block].astype(np.float32)
        if part.ndim == 3:
            part = part @ np.array(_LUMA, np.float32) if pixel.photometric in _RGB else part[..., 0]
        pixels[block] = (part - 16 * full / 255) / (219 / 255) if "PARTIAL" in pixel.photometric else part
    np.divide(pixels, full, out=pixels)
    return np.clip(pixels, 0, 1, out=pixels)
