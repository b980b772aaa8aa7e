from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from dicom_files import dicom_bytes, film_dataset
from lungwise.errors import Unavailable
from lungwise.patients.service import PatientFacts
from lungwise.studies.film_headers import differing_headers, header_of, taken_on
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.studies.models import FilmRecord


def test_a_header_that_differs_from_the_record_is_reported(services: Services, film: Callable[..., bytes]) -> None:
    ada = services.person()
    dicom = dicom_bytes(film_dataset(chest_bytes(), PatientID="P-1", PatientName="Curie^Marie"))
    study = services.studies.open(ada, PatientFacts(identifier="P-1"), [("a", dicom), ("b", film(2))])
    patient = services.studies.patient(ada, study)
    assert [header_of(one, services.studies.data) is None for one in study.films] == [False, True]
    assert differing_headers(study, patient, services.studies.data) == {}
    services.patients.change(ada, patient.key, PatientFacts(identifier="P-1", name="Clara Wieck"))
    differing = differing_headers(study, patient, services.studies.data)
    assert [facts.name for facts in differing.values()] == ["Curie Marie"]


def test_a_film_of_an_earlier_release_is_read_for_its_header(services: Services) -> None:
    dicom = dicom_bytes(film_dataset(chest_bytes(), PatientID="P-1", PatientName="Curie^Marie"))
    film = services.studies.open(services.person(), PatientFacts(), [("a", dicom)]).films[0]
    film.header_encrypted = None
    header = header_of(film, services.studies.data)
    assert header is not None and header.name == "Curie Marie"


def test_a_film_of_an_earlier_release_is_read_for_the_day_on_which_it_was_taken(
    services: Services, film: Callable[..., bytes]
) -> None:
    dicom = dicom_bytes(film_dataset(chest_bytes(), StudyDate="20240506"))
    study = services.studies.open(services.person(), PatientFacts(), [("a", dicom), ("b", film(1))])
    scan, picture = study.films
    assert scan.taken_on == date(2024, 5, 6) and picture.taken_on is None
    scan.taken_on = None
    assert taken_on(scan, services.studies.data) == date(2024, 5, 6)
    assert taken_on(picture, services.studies.data) is None

    def lost(film: FilmRecord) -> bytes:
        raise Unavailable("This film cannot be fetched.")

    assert taken_on(scan, lost) is None
