from __future__ import annotations

import pytest
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_files import dicom_bytes, film_dataset
from lungwise.films.dicom.elements import read_data_set
from lungwise.films.dicom.transfer_syntax import shown_by, syntax_of
from synthetic_films import chest_words


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_what_names_no_transfer_syntax_shows_it(syntax: str) -> None:
    film = film_dataset(chest_words(8, 8))
    assert syntax_of(dicom_bytes(film, syntax, bare=True)) == syntax
    assert syntax_of(dicom_bytes(film, syntax)) == syntax


def test_what_an_object_names_is_taken_before_what_it_shows() -> None:
    data = dicom_bytes(film_dataset(chest_words(8, 8))).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0")
    assert syntax_of(data) == ImplicitVRLittleEndian
    assert shown_by(read_data_set(data)) == ExplicitVRLittleEndian
