"""A study whose results wait to be sent."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from dicom_files import dicom_file
from lungwise.jobs.deliveries import Dispatches
from lungwise.patients.service import PatientFacts
from lungwise.reading.reading import Verdict
from lungwise.studies.models import ReadingRecord, StudyStatus
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.access import Person
    from lungwise.studies.models import Study


def queued_study(services: Services, person: Person, archives: Collection[str], **header: str) -> Study:
    """Open a DICOM film's study that is read, and queue its results for archives."""
    study = services.studies.open(person, PatientFacts(), [("film", dicom_file(chest_bytes(), **header))])
    record = ReadingRecord(
        model="synthetic",
        version="1",
        created_at=services.clock(),
        verdict=Verdict.NEGATIVE,
        appearance={},
        findings={},
    )
    study.films[0].readings.append(record)
    study.status = StudyStatus.NEGATIVE
    services.session.flush()
    Dispatches(services.session, services.clock, list(archives)).queue(study.id)
    return study
