"""The data elements of a DICOM file that a film needs, read with bounds on time and memory.

The format is that of DICOM PS3.5, section 7 and annex A, and of PS3.10, section 7. pydicom reads
more, but keeps neither bound for hostile files, and warns through state that all threads share.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lungwise.films.limits import damaged, max_inflated, too_many_parts
from lungwise.films.refusals import Refusal

PIXEL_DATA = 0x7FE00010

_TRANSFER_SYNTAX, _DEFLATED = 0x00020010, "1.2.840.10008.1.2.1.99"
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_LONG_LENGTH = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_MAX_ELEMENTS, _MAX_ITEMS = 100_000, 10_000
_DEEPEST = 64


class Budget:
    """How many elements and items may still be read, together in all sequences that one walk goes through."""

    def __init__(self) -> None:
        self._left = {"data elements": _MAX_ELEMENTS, "items": _MAX_ITEMS}

    def take(self, what: Literal["data elements", "items"]) -> None:
        """Count one of these, also one that is only passed over.

        Raises
        ------
        Refusal
            `damaged`, if there were too many.
        """
        self._left[what] -= 1
        if self._left[what] < 0:
            raise too_many_parts(what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How data elements are written: their byte order, '<' or '>', and whether with value representations."""

    order: str
    explicit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One data element, its value as bytes."""

    value: memoryview
    vr: bytes
    encoding: Encoding
    undefined_length: bool = False

    def words(self) -> NDArray[np.uint16]:
        """Return its 16-bit words."""
        return np.frombuffer(self.value, self.encoding.order + "u2", len(self.value) // 2)

    def octets(self) -> NDArray[np.uint8]:
        """Return its bytes in order, also where they stand two by two in big-endian words."""
        if self.encoding.order == ">" and self.vr == b"OW":
            return self.words().astype("<u2").view(np.uint8)
        return np.frombuffer(self.value, np.uint8)


def printable(text: str) -> str:
    """Return a text in which what may be markup or steer a terminal has become '?'."""
    return re.sub(r"[^\w .,:;/()+^-]", "?", text)


class Elements(dict[int, Element]):
    """The top-level data elements of a file, or those of one item, by tag."""

    def texts(self, tag: int) -> list[str]:
        """Return the values of a text element, without padding; empty if it is missing."""
        if tag not in self:
            return []
        text = bytes(self[tag].value[:1024]).decode("latin-1")
        return [value.strip(" \0") for value in text.split("\\")]

    def text(self, tag: int) -> str:
        """Return a text's first value, '' if it is missing; what may be markup or steer a terminal becomes '?'."""
        return printable(next(iter(self.texts(tag)), ""))

    def number(self, tag: int) -> float | None:
        """Return the first value of a decimal string, None if it is missing or not a finite number."""
        return next(iter(self.numbers(tag)), None)

    def numbers(self, tag: int) -> list[float]:
        """Return the values of a decimal string; empty if one of them is not a finite number."""
        try:
            values = [float(value) for value in self.texts(tag)]
        except ValueError:
            return []
        return values if np.isfinite(values).all() else []

    def words(self, tag: int) -> NDArray[np.uint16]:
        """Return the values of an element of 16-bit words; empty if it is missing."""
        return self[tag].words() if tag in self else np.empty(0, np.uint16)

    def word(self, tag: int, missing: int) -> int:
        """Return the first value of an element of 16-bit words."""
        words = self.words(tag)
        return int(words[0]) if words.size else missing

    def first_item(self, tag: int) -> Elements | None:
        """Return the first item of a sequence, None if it has none."""
        sequence = self.get(tag)
        if sequence is None or len(sequence.value) < 16:  # an item and one element
            return None
        return _Reader(sequence.value, 8, sequence.encoding).read()[0]

    def items_of(self, tag: int, budget: Budget) -> Iterator[Elements]:
        """Iterate over the items of a sequence, as far as the budget of the whole walk goes.

        Raises
        ------
        Refusal
            `damaged`, if an item is, or if there are too many.
        """
        if tag in self:
            yield from _items(self[tag], budget)


def _items(sequence: Element, budget: Budget) -> Iterator[Elements]:
    value, at = sequence.value, 0
    while at + 8 <= len(value):
        group, element, length = struct.unpack_from(sequence.encoding.order + "HHI", value, at)
        at += 8
        if group << 16 | element != _ITEM:
            return
        budget.take("items")
        if length == _UNDEFINED:
            item, end = _Reader(value, at, sequence.encoding, budget).read()
            at = end + 8
        else:
            item, at = _Reader(value[at : at + length], 0, sequence.encoding, budget).read()[0], at + length
        yield item


def read_elements(data: bytes) -> tuple[str, Elements]:
    """Read a DICOM file up to its pixel data.

    Returns
    -------
    The transfer syntax' UID ('' where the file names none) and the elements.

    Raises
    ------
    Refusal
        `damaged` or `too-large`.
    """
    found = read_data_set(data)
    return found.syntax, found.elements()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A file's data set: the inflated bytes that hold it, where it starts in them, and how it is written.

    `syntax` is the transfer syntax that the file names, '' where it names none; `encoding` is what its bytes show.
    """

    syntax: str
    data: memoryview
    start: int
    encoding: Encoding

    def elements(self) -> Elements:
        """Read its elements, up to the pixel data.

        Raises
        ------
        Refusal
            `damaged`.
        """
        return _Reader(self.data, self.start, self.encoding).read(lambda tag: tag > PIXEL_DATA)[0]


def read_data_set(data: bytes) -> DataSet:
    """Find the data set in a DICOM file, with or without preamble and meta information.

    Raises
    ------
    Refusal
        `damaged` or `too-large`.
    """
    whole = memoryview(data)
    start = 132 if data[128:132] == b"DICM" else 0
    meta, start = _Reader(whole, start, Encoding(order="<", explicit=True)).read(lambda tag: tag > 0x0002FFFF)
    syntax = meta.text(_TRANSFER_SYNTAX)
    if syntax == _DEFLATED and not _is_plain(whole[start : start + 6]):
        whole, start = memoryview(_inflated(whole[start:])), 0
    return DataSet(syntax=syntax, data=whole, start=start, encoding=_encoding(whole[start : start + 6]))


def _inflated(deflated: memoryview) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(deflated, max_inflated(len(deflated)))
    except zlib.error as error:
        raise damaged("deflated") from error
    if inflater.unconsumed_tail:
        raise Refusal("too-large", {"detail": "unpacked"})
    if not inflater.eof:
        raise damaged("cut")
    return data


def _is_plain(head: memoryview) -> bool:
    """Return whether a data set that is declared deflated begins as one that is not."""
    return bytes(head[:2]) in (b"\x08\0", b"\0\x08") and _is_vr(bytes(head[4:6]))


def _encoding(head: memoryview) -> Encoding:
    """Take the encoding from the first element: files that declare another one are common."""
    return Encoding(order=">" if bytes(head[:2]) == b"\0\x08" else "<", explicit=_is_vr(bytes(head[4:6])))


def _is_vr(vr: bytes) -> bool:
    return vr.isalpha() and vr.isupper()


class _Reader:
    """Walks the elements of one level, and keeps nested ones as bytes."""

    def __init__(self, data: memoryview, start: int, encoding: Encoding, budget: Budget | None = None) -> None:
        self.data = data
        self.at = start
        self.encoding = encoding
        self.budget = budget or Budget()
        self.found = Elements()
        self.open: list[tuple[int, int, Encoding]] = []
        """Tag, start of the value and encoding around it, of every open sequence and item."""

    def read(self, ends: Callable[[int], bool] = lambda tag: False) -> tuple[Elements, int]:
        """Read until a tag of the first level ends it; returns the elements and where the end is."""
        while len(self.data) - self.at >= 8:
            self.budget.take("data elements")
            before = self.at
            tag, vr, length = self._head()
            if not self.open and (ends(tag) or tag in (_ITEM_END, _SEQUENCE_END)):
                return self.found, before
            self._take(tag, vr, length)
            if PIXEL_DATA in self.found:
                return self.found, self.at
        if self.open:
            raise damaged("header-cut")
        return self.found, self.at

    def _head(self) -> tuple[int, bytes, int]:
        order = self.encoding.order
        group, element, vr, short = struct.unpack_from(order + "HH2sH", self.data, self.at)
        tag = group << 16 | element
        self.at += 8
        if not self.encoding.explicit or group == 0xFFFE or not _is_vr(vr):
            (length,) = struct.unpack_from(order + "I", self.data, self.at - 4)
            return tag, b"", length
        if vr not in _LONG_LENGTH:
            return tag, vr, short
        if len(self.data) - self.at < 4:
            raise damaged("header-cut")
        (length,) = struct.unpack_from(order + "I", self.data, self.at)
        self.at += 4
        return tag, vr, length

    def _take(self, tag: int, vr: bytes, length: int) -> None:
        if tag in (_ITEM_END, _SEQUENCE_END):
            self._close()
        elif tag == PIXEL_DATA and not self.open:
            end = len(self.data) if length == _UNDEFINED else self.at + length
            self._keep(tag, vr, slice(self.at, end), undefined_length=length == _UNDEFINED)
        elif length == _UNDEFINED:
            self._enter(tag, vr)
        elif length > len(self.data) - self.at:
            raise damaged("element", tag=f"({tag >> 16:04X},{tag & 0xFFFF:04X})")
        else:
            if not self.open:
                self._keep(tag, vr, slice(self.at, self.at + length))
            self.at += length

    def _keep(self, tag: int, vr: bytes, part: slice, *, undefined_length: bool = False) -> None:
        self.found[tag] = Element(
            value=self.data[part], vr=vr, encoding=self.encoding, undefined_length=undefined_length
        )

    def _enter(self, tag: int, vr: bytes) -> None:
        if len(self.open) >= _DEEPEST:
            raise too_many_parts("nested sequences")
        self.open.append((tag, self.at, self.encoding))
        if vr == b"UN":  # an unknown sequence is written in implicit VR: PS3.5, section 6.2.2, note 2
            self.encoding = Encoding(order="<", explicit=False)

    def _close(self) -> None:
        tag, start, self.encoding = self.open.pop()
        if not self.open:
            self._keep(tag, b"SQ", slice(start, self.at))
