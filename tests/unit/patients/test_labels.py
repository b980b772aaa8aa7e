from __future__ import annotations

from lungwise.films.dicom.header import DicomHeader
from lungwise.patients.labels import SEXES


def test_every_sex_of_a_header_has_its_word() -> None:
    assert SEXES.keys() == {"F", "M", "O", DicomHeader().sex}
