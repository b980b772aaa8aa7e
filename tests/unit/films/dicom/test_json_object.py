from __future__ import annotations

import json
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_files import dicom_bytes, dicom_file, film_dataset, lut_item
from film_results import FACTS, READ
from lungwise.films import Refusal
from lungwise.films.dicom.json_object import bulk_data, object_attributes
from lungwise.results.result_objects import file_bytes, result_objects

WORDS = np.tile(np.arange(96, dtype=np.uint16) * 40, (80, 1))
URL = "https://a/bulkdata"


def film() -> Dataset:
    item = film_dataset(WORDS, PatientName="Müller^Jürgen", SpecificCharacterSet="ISO_IR 100", PixelSpacing=[0.1, 0.2])
    code, inner = Dataset(), Dataset()
    code.CodeValue, code.CodeMeaning = "399208008", "Thorax, Übersicht"
    inner.RequestedProcedureCodeSequence = [code]
    item.RequestAttributesSequence = [inner, Dataset()]
    item.FrameIncrementPointer = 0x00181065
    item.AccessionNumber = ""
    item.VOILUTSequence = [lut_item(0, np.arange(4096, dtype=np.uint16), 12)]
    item.private_block(0x0011, "ACME", create=True).add_new(1, "LO", "own")
    return item


def in_bulk(one: dict[str, Any], path: str) -> bool:
    return one.get("BulkDataURI") == f"{URL}/{path}" and "Value" not in one


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_an_object_is_said_as_pydicom_says_it_with_its_sequences(syntax: str) -> None:
    expected = json.loads(film().to_json(bulk_data_threshold=0, bulk_data_element_handler=lambda _element: "x"))
    found = object_attributes(dicom_bytes(film(), syntax), URL)
    assert in_bulk(found.pop("7FE00010"), "7FE00010") and expected.pop("7FE00010")
    (table,) = found.pop("00283010")["Value"]
    assert in_bulk(table["00283006"], "00283010/0/00283006") and expected.pop("00283010")
    if syntax == ImplicitVRLittleEndian:  # which says of a private element no more than its bytes
        assert in_bulk(found.pop("00111001"), "00111001") and expected.pop("00111001")
    assert found == expected | {"00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}


def test_bulk_data_is_found_by_its_path() -> None:
    data = dicom_bytes(film())
    assert bulk_data(data, "00283010/0/00283006") == np.arange(4096, dtype="<u2").tobytes()
    for nothing in ("00283010/1/00283006", "00420011", "7FE00010", "00100010/0/00100010"):
        assert bulk_data(data, nothing) is None, nothing
    report, *_others, pdf = result_objects(data, FACTS, READ, b"%PDF-odd")
    assert bulk_data(file_bytes(pdf), "00420011") == b"%PDF-odd"
    regions = json.dumps(object_attributes(file_bytes(report), URL))
    assert '"SCOORD"' in regions and regions.count('"00700022"') >= 1 and "BulkDataURI" not in regions
    with pytest.raises(Refusal):
        bulk_data(data[:900], "00283010/0/00283006")


def test_a_sequence_that_is_nested_too_deep_is_left_empty() -> None:
    item = Dataset()
    for _ in range(40):
        outer = Dataset()
        outer.ContentSequence = [item]
        item = outer
    whole = film_dataset(WORDS)
    whole.ContentSequence = [item]
    assert json.dumps(object_attributes(dicom_bytes(whole), URL)).count("0040A730") == 17


EMPTY_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
HEAD = dicom_file(WORDS, PixelData=None)


def sequence(element: int, items: bytes) -> bytes:
    return struct.pack("<HH2sxxI", 0x0040, element, b"SQ", len(items)) + items


def items_in(attributes: dict[str, Any]) -> int:
    values = [value for one in attributes.values() if one["vr"] == "SQ" for value in one.get("Value", [])]
    return len(values) + sum(map(items_in, values))


def test_items_without_end_are_left_out_and_hold_no_bulk_data() -> None:
    few, many = sequence(0xA043, EMPTY_ITEM * 3), sequence(0xA730, EMPTY_ITEM * 200_000)
    found = object_attributes(HEAD + few + many, URL)
    assert found["0040A043"] == {"vr": "SQ", "Value": [{}, {}, {}]}
    assert found["0040A730"] == {"vr": "SQ"}
    with pytest.raises(Refusal, match="items"):
        bulk_data(HEAD + many, "0040A730/150000/00420011")


def test_what_is_small_when_it_is_packed_is_bounded_too() -> None:
    body = HEAD.index(b"\x08\0\x16\0UI")
    meta = dicom_file(WORDS, DeflatedExplicitVRLittleEndian)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(HEAD[body:] + sequence(0xA730, EMPTY_ITEM * 100_000)) + packer.flush()
    small = meta[: 144 + int.from_bytes(meta[140:144], "little")] + packed
    assert len(small) < 5000
    assert object_attributes(small, URL)["0040A730"] == {"vr": "SQ"}


def test_an_item_is_found_though_a_later_one_is_damaged() -> None:
    good = struct.pack("<HHI", 0xFFFE, 0xE000, 10) + struct.pack("<HH2sH", 0x0042, 0x0011, b"LO", 2) + b"ab"
    damaged = struct.pack("<HHI", 0xFFFE, 0xE000, 10) + struct.pack("<HH2sH", 0x0042, 0x0011, b"LO", 99) + b"ab"
    data = HEAD + sequence(0xA730, good + damaged)
    assert bulk_data(data, "0040A730/0/00420011") == b"ab"
    with pytest.raises(Refusal):
        bulk_data(data, "0040A730/1/00420011")


def test_values_beyond_a_few_megabytes_are_bulk_data() -> None:
    numbers = b"\\".join([b"1"] * 16_000)
    values = [
        struct.pack("<HH2sH", 0x3005, element, b"DS", len(numbers)) + numbers for element in range(0x1001, 0x1101)
    ]
    found = object_attributes(HEAD + b"".join(values), URL)
    written = [one for tag, one in found.items() if tag.startswith("3005") and "Value" in one]
    assert 100 < len(written) < 150
    assert in_bulk(found["30051100"], "30051100")


@settings(max_examples=25, deadline=None)
@given(counts=st.lists(st.integers(0, 6000), max_size=4), depth=st.integers(0, 3), endless=st.booleans())
def test_all_sequences_together_have_a_bounded_number_of_items(counts: list[int], depth: int, endless: bool) -> None:
    item = EMPTY_ITEM
    for _ in range(depth):
        inner = sequence(0xA730, item)
        opening = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF if endless else len(inner))
        item = opening + inner + (struct.pack("<HHI", 0xFFFE, 0xE00D, 0) if endless else b"")
    sequences = [sequence(0xA000 + number, item * count) for number, count in enumerate(counts)]
    found = object_attributes(HEAD + b"".join(sequences), URL)
    assert items_in(found) <= 10_000
    if sum(counts) * (depth + 1) <= 10_000:
        assert items_in(found) == sum(counts) * (depth + 1)


@settings(max_examples=100)
@given(cut=st.integers(150, 2000), changes=st.lists(st.tuples(st.integers(132, 1500), st.integers(0, 255)), max_size=8))
def test_damaged_objects_are_said_as_far_as_they_go(cut: int, changes: list[tuple[int, int]]) -> None:
    data = bytearray(dicom_file(WORDS, SpecificCharacterSet="ISO_IR 100", VOILUTSequence=[film().VOILUTSequence[0]]))
    for at, octet in changes:
        data[at] = octet
    json.dumps(object_attributes(bytes(data[:cut]), URL), allow_nan=False)
