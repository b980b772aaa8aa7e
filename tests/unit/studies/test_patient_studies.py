from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from dicom_files import dicom_file
from lungwise.errors import NotFound
from lungwise.jobs.deliveries import Dispatches
from lungwise.patients.models import Patient, PatientChange
from lungwise.patients.service import PatientFacts
from lungwise.studies.models import Dispatch, FilmRecord, Job, Opinion, ReadingRecord, Study
from lungwise.studies.service import Conclusion
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def test_deleting_a_patient_leaves_no_row_and_no_file(either_services: Services, film: Callable[..., bytes]) -> None:
    services, person = either_services, either_services.person()
    study = services.studies.open(
        person, PatientFacts(identifier="7", name="Béla Bartók"), [("a.dcm", dicom_file(chest_bytes()))]
    )
    services.read_all()
    services.studies.conclude(person, study.key, Conclusion(agrees=True))
    Dispatches(services.session, services.clock, ["ARCHIVE@127.0.0.1:104"]).queue(study.id)
    services.session.commit()
    patient = services.studies.patient(person, study)
    services.patient_studies.delete_patient(person, patient.key)
    services.session.commit()
    for model in (Patient, PatientChange, Study, FilmRecord, ReadingRecord, Dispatch, Opinion, Job):
        assert services.session.scalar(select(func.count()).select_from(model)) == 0
    assert list(services.store.films()) == []


def test_two_entries_of_one_patient_become_one(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    first = services.studies.open(person, PatientFacts(identifier="7"), [("a.jpg", film(1))])
    second = services.studies.open(person, PatientFacts(identifier="8", name="Clara Wieck"), [("a.jpg", film(2))])
    keep, gone = services.studies.patient(person, first), services.studies.patient(person, second)
    merged = services.patient_studies.merge(person, keep.key, gone.key)
    services.session.expire_all()
    assert {study.key for study in services.studies.of_patient(person, merged)} == {first.key, second.key}
    assert (merged.identifier, merged.name) == ("7", "Clara Wieck")
    with pytest.raises(NotFound):
        services.patients.get(person, gone.key)
