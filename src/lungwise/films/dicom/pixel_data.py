"""The Pixel Data of a DICOM film: native or compressed bytes to an array of stored words (DICOM PS3.5, annex A)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lungwise.films.dicom.codestream import decode_codestream, decode_run_lengths, is_codestream
from lungwise.films.dicom.elements import PIXEL_DATA, Element, Elements, read_elements
from lungwise.films.dicom.image_pixel import ImagePixel, read_image_pixel
from lungwise.films.limits import damaged
from lungwise.films.refusals import Refusal
from lungwise.films.work_limit import bounded, check_work, in_process, refused_errors

T = TypeVar("T")
NATIVE = frozenset({"", *(f"1.2.840.10008.1.2{part}" for part in ("", ".1", ".1.99", ".2"))})
"""The transfer syntaxes of uncompressed pixels; '' is that of a file that names none."""
_RLE = "1.2.840.10008.1.2.5"
_CODESTREAMS = {f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 53, 55, 57, 70, 80, 81, 90, 91, 201, 202, 203)}
TRANSFER_SYNTAXES = frozenset({*NATIVE - {""}, *_CODESTREAMS, _RLE})
"""Every transfer syntax that is read here."""
_MAX_FRAGMENTS = 100_000
_ITEM_START = b"\xfe\xff\x00\xe0"
_RLE_HEADER, _MAX_RLE_SEGMENTS = 64, 15


def check_syntax(syntax: str) -> None:
    """Refuse a transfer syntax that no decoder here reads.

    Raises
    ------
    Refusal
        `unsupported`.
    """
    if syntax and syntax not in TRANSFER_SYNTAXES:
        raise Refusal("unsupported", {"detail": "syntax", "syntax": syntax[:64]})


def stored_words(elements: dict[int, Element], syntax: str, pixel: ImagePixel) -> NDArray[Any]:
    """Decode the pixel data.

    Returns
    -------
    (rows, columns) or (rows, columns, samples), uint8 or uint16. Of colours stored at half
    resolution (YBR_FULL_422, uncompressed) the luminance alone comes back, as (rows, columns).

    Raises
    ------
    Refusal
        `damaged` or `unsupported`.
    """
    element = elements[PIXEL_DATA]
    if _is_native(element, syntax):
        return _native(element, pixel)
    frame = b"".join(_fragments(element.value)) if _has_items(element) else bytes(element.value)
    if _is_run_lengths(frame, syntax):
        return _run_lengths(frame, pixel)
    decoded = decode_codestream(frame, pixel)
    return decoded.view(f"u{decoded.dtype.itemsize}")  # signed numbers as the words that hold them


def bounded_words(data: bytes, elements: Elements, syntax: str, pixel: ImagePixel) -> NDArray[Any]:
    """Decode the pixel data of a file with limits on time and memory, also where it was never read as a film.

    Raises
    ------
    Refusal
        As `stored_words`; `too-slow` or `too-large`.
    """
    with refused_errors():
        return bounded(
            lambda: stored_words(elements, syntax, pixel), lambda seconds: in_process("words", data, seconds)[0]
        )


def of_grey_film(data: bytes, make: Callable[[NDArray[Any], Elements, ImagePixel], T]) -> T | None:
    """Make something of the stored numbers of a DICOM film, with limits on time and memory; None of colours.

    Raises
    ------
    Refusal
        If it cannot be decoded.
    """
    syntax, elements = read_elements(data)
    if PIXEL_DATA not in elements:
        return None
    check_syntax(syntax)
    pixel = read_image_pixel(elements)
    if not pixel.photometric.startswith("MONOCHROME"):
        return None
    words = bounded_words(data, elements, syntax, pixel)
    with refused_errors(), np.errstate(all="ignore"):  # hostile slopes and windows
        return make(words, elements, pixel)


def _is_native(element: Element, syntax: str) -> bool:
    """Decide by the bytes: files whose meta information was written anew name another syntax, or none."""
    if element.undefined_length:
        return False
    return syntax in NATIVE or not (_has_items(element) or is_codestream(element.value))


def _has_items(element: Element) -> bool:
    return element.undefined_length or bytes(element.value[:4]) == _ITEM_START


def _is_run_lengths(frame: bytes, syntax: str) -> bool:
    """Return whether the frame begins as run lengths do: how many segments, and that the first follows the header."""
    count, first = struct.unpack_from("<2I", frame) if len(frame) >= _RLE_HEADER else (0, 0)
    plausible = 1 <= count <= _MAX_RLE_SEGMENTS and first == _RLE_HEADER
    return plausible or (syntax == _RLE and not is_codestream(frame))


def _native(element: Element, pixel: ImagePixel) -> NDArray[Any]:
    halved = pixel.samples == 3 and pixel.photometric.endswith("422")
    size = pixel.values * pixel.bits_allocated // 8
    size = size * 2 // 3 if halved else size
    if not size <= len(element.value) < 2 * size:  # with padding behind (PS3.5, 8.1.1), but not with another frame
        raise damaged("cut")
    check_work(pixel.values)
    words = element.words()[: size // 2] if pixel.bits_allocated == 16 else element.octets()[:size]
    if halved:
        return words.reshape(-1, 4)[:, :2].reshape(pixel.rows, pixel.columns)
    if pixel.samples > 1 and pixel.planar:
        return np.moveaxis(words.reshape(pixel.samples, pixel.rows, pixel.columns), 0, -1)
    return words.reshape(pixel.shape)


def _fragments(value: memoryview) -> list[memoryview]:
    """Return the fragments of the one frame (PS3.5, A.4): the fragments themselves are walked, not the offset table.

    Whatever is not an item ends them, since some writers put zeros where the delimiter belongs.
    """
    items: list[memoryview] = []
    at = 0
    while at + 8 <= len(value):
        start, length = struct.unpack_from("<4sI", value, at)
        if start != _ITEM_START:
            break
        if length > len(value) - at - 8 or len(items) > _MAX_FRAGMENTS:
            raise damaged("cut")
        items.append(value[at + 8 : at + 8 + length])
        at += 8 + length
    fragments = items[1:]
    if not fragments:
        raise damaged("no-header")
    if any(part[:4] == fragments[0][:4] for part in fragments[1:]):
        raise damaged("frames")
    return fragments


def _run_lengths(frame: bytes, pixel: ImagePixel) -> NDArray[Any]:
    """Decode RLE: one segment for every byte of every sample, the most significant first."""
    width = pixel.bits_allocated // 8
    if len(frame) < _RLE_HEADER:
        raise damaged("cut")
    count, *offsets = struct.unpack_from("<16I", frame)
    if count != pixel.samples * width:
        raise damaged("contradiction")
    check_work(pixel.values)
    words = np.empty((pixel.rows * pixel.columns, pixel.samples, width), np.uint8)
    ends = [*offsets[1:count], len(frame)]
    for n, (start, end) in enumerate(zip(offsets[:count], ends, strict=True)):
        words[:, n // width, n % width] = decode_run_lengths(memoryview(frame)[start:end], len(words))
    decoded = words.view(">u2" if width == 2 else np.uint8)
    return decoded.reshape(pixel.shape)
