from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.uid import JPEG2000Lossless

from dicom_files import compressed_file, dicom_bytes, film_dataset, jpeg_2000
from lungwise.films.dicom.header import read_header
from lungwise.patients.service import PatientFacts
from lungwise.receiving.duplicates import Difference, has_same_pixels
from lungwise.receiving.uploads import Upload
from lungwise.store import CollisionError, new_key
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services


def dicom(seed: int = 0, **more: Any) -> bytes:
    fields = {"SOPInstanceUID": "1.2.3.1", "StudyInstanceUID": "1.2.3", "PatientID": "P-1", **more}
    return dicom_bytes(film_dataset(chest_bytes(seed=seed), **fields))


def upload(data: bytes) -> Upload:
    return Upload(data=data, kind="DICOM", header=read_header(data))


def test_a_film_is_new_known_or_different(services: Services, film: Callable[..., bytes]) -> None:
    ada, duplicates = services.person(), services.studies.recording.duplicates
    services.studies.open(ada, PatientFacts(), [("a", dicom()), ("b", film(1))])
    known = [dicom(), dicom(InstitutionName="Hill")]
    others = [dicom(1), dicom(PatientID="P-2")]
    found = duplicates.sort(ada, [upload(data) for data in [*known, *others, dicom(SOPInstanceUID="1.2.3.2")]])
    assert [one.data for one, _film in found.known] == known
    assert [difference for _one, _film, difference in found.held] == [Difference.PIXELS, Difference.PATIENT]
    assert len(found.new) == 1
    assert duplicates.is_here(ada, upload(others[0])) and not duplicates.is_here(ada, found.new[0])


def test_a_known_film_is_new_where_another_patient_was_typed(services: Services, film: Callable[..., bytes]) -> None:
    ada = services.person()
    services.studies.open(ada, PatientFacts(identifier="7"), [("a", film(1))])
    for typed, count in ((PatientFacts(identifier="7"), 0), (PatientFacts(identifier="8"), 1)):
        found = services.studies.recording.duplicates.sort(ada, [Upload(data=film(1), kind="JPEG")], typed)
        assert len(found.new) == count
        others = services.studies.recording.duplicates.of_others(ada, [Upload(data=film(1), kind="JPEG")], typed)
        assert len(others) == count


@pytest.mark.parametrize("number", ["A-1", "B-1", ""])
def test_a_known_film_is_known_by_each_number_of_its_patient(
    number: str, services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    for identifier, data in (("A-1", film(1)), ("B-1", film(2))):
        services.studies.open(ada, PatientFacts(identifier=identifier), [("film", data)])
    kept, merged = (services.patients.known_by(ada, identifier)[0] for identifier in ("A-1", "B-1"))
    services.patient_studies.merge(ada, kept.key, merged.key)
    services.session.commit()
    duplicates, same = services.studies.recording.duplicates, [Upload(data=film(2), kind="JPEG")]
    assert len(duplicates.sort(ada, same, PatientFacts(identifier=number)).known) == 1
    assert duplicates.of_others(ada, same, PatientFacts(identifier=number)) == []


@pytest.mark.parametrize("number", ["A-1", ""])
def test_a_known_film_is_known_by_the_former_name_of_its_patient(
    number: str, services: Services, film: Callable[..., bytes]
) -> None:
    ada, former = services.person(), PatientFacts(identifier="A-1", name="Doe Jane")
    services.studies.open(ada, former, [("film", film(1))])
    (jane,) = services.patients.known_by(ada, "A-1")
    services.patients.change(ada, jane.key, replace(former, name="Roe Jane"))
    services.session.commit()
    duplicates, same = services.studies.recording.duplicates, [Upload(data=film(1), kind="JPEG")]
    assert len(duplicates.sort(ada, same, replace(former, identifier=number)).known) == 1
    assert len(duplicates.sort(ada, same, replace(former, name="Two Bob")).new) == 1


def test_a_number_of_two_patients_says_of_no_film_that_it_is_another_ones(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada, number = services.person(), PatientFacts(identifier="7")
    for name, data in (("Lovelace Ada", film(1)), ("Two Bob", film(2))):
        services.studies.open(ada, replace(number, name=name), [("film", data)])
    duplicates, same = services.studies.recording.duplicates, [Upload(data=film(1), kind="JPEG")]
    assert len(duplicates.sort(ada, same, number).known) == 1
    assert len(duplicates.sort(ada, same, replace(number, name="Two Bob")).new) == 1
    assert len(duplicates.sort(ada, same, replace(number, name="Three Eve")).new) == 1


def test_films_of_one_upload_are_compared_with_each_other(services: Services) -> None:
    ada, words = services.person(), chest_bytes()
    fields = {"SOPInstanceUID": "1.2.3.1", "StudyInstanceUID": "1.2.3", "PatientID": "P-1"}
    compressed = compressed_file(jpeg_2000(words), words, JPEG2000Lossless, **fields)
    same, others = [dicom(), compressed], [dicom(1), dicom(PatientID="P-2")]
    found = services.studies.recording.duplicates.sort(ada, [upload(data) for data in [*same, *others]])
    assert [one.data for one in found.new] == [same[0]]
    assert [one.data for one in found.to_hold] == others


def test_the_dicom_object_that_is_made_of_a_picture_is_that_film_and_another_ones_is_not(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    uid = services.studies.open(ada, PatientFacts(), [("film", film(1))]).films[0].instance_uid
    own, other = (upload(dicom(SOPInstanceUID=uid, Manufacturer=name)) for name in ("Lungwise", "Acme"))
    found = services.studies.recording.duplicates.sort(ada, [own, other])
    assert [one for one, _film in found.known] == [own]
    assert [(one, difference) for one, _film, difference in found.held] == [(other, Difference.PIXELS)]


def test_a_study_has_one_film_of_a_uid(services: Services) -> None:
    ada, recording = services.person(), services.studies.recording
    stored = {one.sha256: one for one in map(upload, [dicom(), dicom(1)])}
    with pytest.raises(CollisionError, match=r"another film 1\.2\.3\.1"):
        recording.record(ada, new_key(), PatientFacts(), stored)


def test_pixels_are_compared_whatever_lies_around_them() -> None:
    assert has_same_pixels(dicom(), dicom(PatientID="P-2"))
    assert not has_same_pixels(dicom(), dicom(1))
    assert not has_same_pixels(dicom(), b"not DICOM")
