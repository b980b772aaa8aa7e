from __future__ import annotations

from dicom_files import dicom_bytes, film_dataset
from lungwise.films.dicom.digest import digest_of
from synthetic_films import chest_bytes

BYTES = chest_bytes()


def test_an_object_is_the_same_whoever_wrote_its_meta_information() -> None:
    data = dicom_bytes(film_dataset(BYTES, PatientID="7"))
    bare = dicom_bytes(film_dataset(BYTES, PatientID="7"), bare=True)

    assert digest_of(data) == digest_of(bare)


def test_another_element_makes_it_another_object() -> None:
    assert digest_of(dicom_bytes(film_dataset(BYTES, PatientID="7"))) != digest_of(
        dicom_bytes(film_dataset(BYTES, PatientID="8"))
    )
