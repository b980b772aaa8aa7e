from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dicom_files import dicom_file
from lungwise.access import Person, Role
from lungwise.errors import NotFound
from lungwise.patients.service import PatientFacts
from lungwise.studies.archive import Archive

if TYPE_CHECKING:
    from conftest import Services

WORDS = np.tile(np.arange(96, dtype=np.uint16) * 40, (80, 1))


WANTED: list[tuple[dict[str, str], int]] = [
    ({"study": "1.2.9"}, 1),
    ({"patient_id": "A"}, 1),
    ({"patient_id": "nobody"}, 0),
    ({"name": "doe"}, 2),
    ({"name": "doe b"}, 1),
    ({"study": "1.2.9", "patient_id": "A"}, 0),
]


def film_of(study: str, number: int, patient: str) -> bytes:
    uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.{number}"}
    return dicom_file(WORDS + np.uint16(number), **uids, PatientID=patient, PatientName=f"Doe^{patient}")


def found(services: Services, person: Person, **wanted: str) -> list[list[str | None]]:
    archive = Archive(services.session, services.patients)
    return [[film.instance_uid for film in films] for films in archive.studies(person, **wanted)]


@pytest.fixture
def people(either_services: Services) -> tuple[Person, Person]:
    hill, valley = (either_services.person(name, clinic) for name, clinic in (("Asha", "Hill"), ("Bo", "Valley")))
    films = (("1.2.3", 1, "A"), ("1.2.3", 2, "A"), ("1.2.9", 1, "B"))
    for number, film in enumerate(films):
        either_services.studies.open(hill, PatientFacts(), [(f"{number}.dcm", film_of(*film))])
    either_services.studies.open(valley, PatientFacts(), [("1.dcm", film_of("1.2.3", 1, "A"))])
    return hill, valley


# One test for both databases: a MariaDB schema takes seconds to make.
def test_a_clinic_finds_its_studies_newest_first(either_services: Services, people: tuple[Person, Person]) -> None:
    hill, valley = people
    assert found(either_services, hill) == [["1.2.9.1.1"], ["1.2.3.1.1", "1.2.3.1.2"]]
    assert found(either_services, valley) == [["1.2.3.1.1"]]
    assert found(either_services, valley, study="1.2.9") == []
    for wanted, studies in WANTED:
        assert len(found(either_services, hill, **wanted)) == studies, wanted


def test_who_may_not_see_finds_nothing(services: Services) -> None:
    blind = Person(1, "x", 1, Role.DOCTOR, frozenset())
    with pytest.raises(NotFound):
        found(services, blind)


def test_a_film_without_dicom_has_uids_for_good(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person("Asha", "Hill")
    study = services.studies.open(person, PatientFacts(identifier="7"), [("1.jpg", film(1)), ("2.jpg", film(2))])
    first, second = study.films
    assert first.study_uid == second.study_uid and str(first.study_uid).startswith("2.25.")
    assert len({first.series_uid, second.series_uid, first.instance_uid, second.instance_uid}) == 4
