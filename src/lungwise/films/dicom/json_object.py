"""A whole object in the DICOM JSON Model (PS3.18, annex F): with sequences, and with where its bulk data is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lungwise.films.dicom.elements import PIXEL_DATA, Budget, Element, Elements, read_elements
from lungwise.films.dicom.json_model import Attributes, attribute, attribute_of, known_vr
from lungwise.films.dicom.text import TextDecoder
from lungwise.films.refusals import Refusal

_BULK = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
_TEXTS = {"LT", "ST", "UC", "UR", "UT"}
_LONGEST_TEXT, _MOST_NUMBERS = 1 << 20, 1 << 12
"""Bytes of a text, and numbers of an attribute, that are not bulk data."""
_MOST_BYTES = 4 << 20
"""Of all attributes of an object together that are not bulk data: as numbers and texts they take many times that."""
_DEEPEST = 16
_DOCUMENT, _DOCUMENT_LENGTH, _SIGNED = 0x00420011, 0x00420015, 0x00280103
_CREATORS = range(0x10, 0x100)
"""Elements of an odd group that name who made the others of the group."""


def object_attributes(data: bytes, bulk_url: str) -> Attributes:
    """Return all attributes of an object; none of what cannot be read.

    Parameters
    ----------
    bulk_url
        Below it bulk data is, by tag, and within sequences by tag, number of the item from 0, tag, and so on.
    """
    try:
        elements = read_elements(data)[1]
    except Refusal:
        return {}
    text = TextDecoder(elements, most_bytes=_LONGEST_TEXT)
    found = _Level(elements, text, bulk_url, bool(elements.word(_SIGNED, 0)), _Limits()).attributes()
    return found | {"00080005": attribute("CS", "ISO_IR 192")}


def bulk_data(data: bytes, path: str) -> bytes | None:
    """Return bulk data other than pixels, by its path below an object's address; None where there is none.

    Raises
    ------
    Refusal
        If the object cannot be read.
    """
    elements, budget = read_elements(data)[1], Budget()
    *way, last = path.split("/")
    for tag, number in zip(way[::2], way[1::2], strict=True):
        item = _item(elements.items_of(int(tag, 16), budget), int(number))
        if item is None:
            return None
        elements = item
    element = elements.get(int(last, 16))
    if element is None or int(last, 16) == PIXEL_DATA:
        return None
    length = elements.get(_DOCUMENT_LENGTH) if int(last, 16) == _DOCUMENT else None
    value = element.octets().tobytes()
    return value[: int.from_bytes(length.value, "little")] if length else value


def _item(items: Iterator[Elements], number: int) -> Elements | None:
    """Return an item, counted from 0; those after it are not read."""
    return next((item for at, item in enumerate(items) if at == number), None)


class _Limits:
    """What may still be written of an object, together on all its levels."""

    def __init__(self) -> None:
        self.budget = Budget()
        self._bytes = _MOST_BYTES

    def take_bytes(self, count: int) -> bool:
        """Count the bytes of a value that is written; return False where they are too many."""
        if count > self._bytes:
            return False
        self._bytes -= count
        return True


@dataclass(frozen=True, slots=True)
class _Level:
    """The elements of an object, or of one item of its sequences."""

    elements: Elements
    text: TextDecoder
    url: str
    signed: bool
    limits: _Limits
    depth: int = 0

    def attributes(self) -> Attributes:
        """Write all but file meta information and the lengths of groups."""
        elements = sorted(self.elements.items())
        return {f"{tag:08X}": self._attribute(tag, one) for tag, one in elements if tag >> 16 >= 8 and tag & 0xFFFF}

    def _attribute(self, tag: int, element: Element) -> dict[str, Any]:
        vr = _vr(tag, element, self.signed)
        if vr == "SQ":
            return self._sequence(tag)
        is_long = len(element.value) > (_LONGEST_TEXT if vr in _TEXTS else 8 * _MOST_NUMBERS)
        if element.value and (vr in _BULK or is_long or not self.limits.take_bytes(len(element.value))):
            return {"vr": vr, "BulkDataURI": f"{self.url}/{tag:08X}"}
        return attribute_of(vr, tag, element, self.text, _MOST_NUMBERS) or {"vr": vr}

    def _sequence(self, tag: int) -> dict[str, Any]:
        """Write the items of a sequence; none where it is nested too deep, cannot be read, or has too many."""
        if self.depth == _DEEPEST:
            return {"vr": "SQ"}
        try:
            items = list(self.elements.items_of(tag, self.limits.budget))
        except Refusal:
            return {"vr": "SQ"}
        below = f"{self.url}/{tag:08X}"
        levels = (
            _Level(item, self.text.of_item(item), f"{below}/{number}", self.signed, self.limits, self.depth + 1)
            for number, item in enumerate(items)
        )
        return attribute("SQ", *(level.attributes() for level in levels))


def _vr(tag: int, element: Element, signed: bool) -> str:
    """Return an element's value representation: its own, or what the dictionary says; UN where nobody does."""
    if element.vr and element.vr != b"UN":
        return element.vr.decode("ascii")
    if tag >> 16 & 1:
        return "LO" if tag & 0xFFFF in _CREATORS else "UN"
    known = known_vr(tag)
    if " or " not in known:
        return known or "UN"
    return "OW" if "OW" in known else "SS" if signed else "US"
