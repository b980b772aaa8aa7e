"""A film's header in the DICOM JSON Model (PS3.18, annex F)."""

from __future__ import annotations

import math
import struct
from typing import Any

from pydicom.datadict import dictionary_VR

from lungwise.films.dicom.elements import Element, read_elements
from lungwise.films.dicom.text import TextDecoder
from lungwise.films.refusals import Refusal

Attributes = dict[str, dict[str, Any]]
"""By tag, eight hexadecimal digits."""
_TEXT = {"AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UC", "UI"}
_ONE_TEXT = {"LT", "ST", "UT", "UR"}
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_MOST_NUMBERS = 64


def header_attributes(data: bytes) -> Attributes:
    """Return the attributes on the first level of a film's header, without private elements and tables.

    It is read by the bounded reader of `films`, since it may be hostile.
    """
    try:
        elements = read_elements(data)[1]
    except Refusal:
        return {}
    text = TextDecoder(elements)
    found = (
        (tag, attribute_of(_vr(tag, element), tag, element, text, _MOST_NUMBERS))
        for tag, element in sorted(elements.items())
    )
    return {f"{tag:08X}": attribute for tag, attribute in found if attribute} | {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}
    }


def value(attributes: Attributes, tag: str) -> str:
    """Return an attribute's first value as text; '' if it has none."""
    values = attributes.get(tag, {}).get("Value") or [""]
    first = values[0]
    return str(first.get("Alphabetic", "") if isinstance(first, dict) else first)


def known_vr(tag: int) -> str:
    """Return the value representation of an element, or those that it may have, as the standard says; '' of none."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


def attribute(vr: str, *values: Any) -> dict[str, Any]:  # noqa: ANN401 - a value is a text, a number or a name
    """Write one attribute."""
    return {"vr": vr, "Value": list(values)} if values and values != ("",) else {"vr": vr}


def attribute_of(vr: str, tag: int, element: Element, text: TextDecoder, most: int) -> dict[str, Any] | None:
    """Write an element that holds texts or numbers, `most` of these; None of what holds neither."""
    if vr in _NUMBERS:
        return attribute(vr, *_unpacked(element, _NUMBERS[vr], most))
    if vr == "AT":
        words = element.words()
        return attribute(vr, *(f"{group:04X}{own:04X}" for group, own in zip(words[::2], words[1::2], strict=False)))
    if vr in ("DS", "IS"):
        numbers = _read_numbers(text(tag).split("\\"), vr)
        return attribute(vr, *numbers)
    if vr == "PN":
        return attribute(vr, *filter(None, map(_name, text(tag).split("\\"))))
    if vr in _TEXT:
        return attribute(vr, *(one.strip(" \0") for one in text(tag).split("\\")))
    return attribute(vr, text(tag).strip(" \0")) if vr in _ONE_TEXT else None


def _vr(tag: int, element: Element) -> str:
    if tag >> 16 & 1 or tag >> 16 < 8 or not element.value:
        return ""
    known = known_vr(tag)
    if not known:
        return ""
    vr = element.vr.decode("ascii") or known
    return "US" if vr == "US or SS" else vr


def _unpacked(element: Element, form: str, most: int) -> list[int | float]:
    size = struct.calcsize(form)
    count = min(len(element.value) // size, most)
    numbers = struct.unpack_from(f"{element.encoding.order}{count}{form}", element.value)
    return [number for number in numbers if math.isfinite(number)]


def _read_numbers(texts: list[str], vr: str) -> list[int | float]:
    try:
        numbers = [float(one) for one in texts if one.strip(" \0")]
    except ValueError:
        return []
    finite = [number for number in numbers if math.isfinite(number)]
    return [int(number) for number in finite] if vr == "IS" else list(finite)


def _name(text: str) -> dict[str, str]:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.strip(" \0").split("="), strict=False)
    return {kind: group.strip() for kind, group in groups if group.strip()}
