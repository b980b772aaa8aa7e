"""Studies whose results wait to be sent, or to be withdrawn."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from dicom_files import dicom_file
from lungwise.jobs.deliveries import Dispatches
from lungwise.patients.service import PatientFacts
from lungwise.reading.reading import Verdict
from lungwise.studies.models import ReadingRecord, StudyStatus
from lungwise.studies.recipients import Recipients
from lungwise.studies.report_identifiers import ReportedOrder, ReportIdentifiers
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from conftest import Services
    from lungwise.access import Person
    from lungwise.store import Clock
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


def withdraw(session: Session, study: Study, system: str, clock: Clock) -> None:
    """Let a system have a study's report, and queue that it is withdrawn there."""
    facts, order = PatientFacts(identifier="7", name="Asha Rao"), ReportedOrder(accession="")
    identifiers = ReportIdentifiers(study=study.key, patient="p" * 20, facts=facts, films=(), orders=(order,))
    recipients = Recipients(session, clock)
    recipients.note(study.clinic_id, system, identifiers)
    recipients.withdraw(study)
