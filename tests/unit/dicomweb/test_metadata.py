from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_files import dicom_bytes, dicom_file, film_dataset
from lungwise.dicomweb.metadata import attribute, of_film, of_object, value

WORDS = np.tile(np.arange(96, dtype=np.uint16) * 40, (80, 1))
FACTS: dict[str, Any] = {
    "PatientName": "Doe^Jane",
    "StudyInstanceUID": "1.2.3",
    "SeriesNumber": "7",
    "PixelSpacing": ["0.15", "0.2"],
    "ImageType": ["ORIGINAL", "PRIMARY"],
    "BitsStored": 12,
}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_header_is_said_as_pydicom_says_it(syntax: str) -> None:
    found = of_film(dicom_file(WORDS, syntax, **FACTS))
    expected = film_dataset(WORDS, **FACTS)
    del expected.PixelData
    assert found == json.loads(expected.to_json()) | {"00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}


def test_tables_private_elements_and_pixels_are_left_out() -> None:
    film = film_dataset(WORDS)
    film.RequestAttributesSequence = [Dataset()]
    film.private_block(0x0011, "ACME", create=True).add_new(1, "LO", "secret")
    assert not {"7FE00010", "00400275", "00110010", "00111001"} & of_film(dicom_bytes(film)).keys()


def test_bulk_data_of_our_own_objects_is_left_out() -> None:
    item = Dataset()
    item.EncapsulatedDocument, item.Modality = b"%PDF", "DOC"
    assert of_object(item) == {"00080060": {"vr": "CS", "Value": ["DOC"]}}


def test_what_is_no_dicom_has_no_attributes() -> None:
    assert of_film(b"\xff\xd8\xff") == {} or "00100010" not in of_film(b"\xff\xd8\xff")


def test_a_value_is_its_first_one() -> None:
    assert value({"00100010": attribute("PN", {"Alphabetic": "Doe"})}, "00100010") == "Doe"
    assert value({"00080061": attribute("CS", "SR", "DX")}, "00080061") == "SR"
    assert value({"00200010": attribute("SH", "")}, "00200010") == value({}, "00200010") == ""


@settings(max_examples=200)
@given(seed=st.integers(0, 1 << 32), cut=st.integers(150, 900))
def test_damaged_headers_are_said_as_far_as_they_go(seed: int, cut: int) -> None:
    data = bytearray(dicom_file(WORDS, **FACTS))
    shuffled = random.Random(seed)
    for _ in range(8):
        data[shuffled.randrange(132, 700)] = shuffled.randrange(256)
    json.dumps(of_film(bytes(data[:cut])), allow_nan=False)
