"""Films that a model answered as a test says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import insert

from lungwise.access import Person
from lungwise.jobs.reading_queue import Model, sum_up
from lungwise.patients.service import PatientFacts
from lungwise.studies.models import FilmRecord, ReadingRecord, Study

if TYPE_CHECKING:
    from conftest import Services

MODEL = Model(name="synthetic", version="1")


def answer(
    services: Services, person: Person, weeks_ago: int, answers: Sequence[float | None], model: Model = MODEL
) -> None:
    """Let films of one study of a week be answered so."""
    clinic, at = person.clinic_id, services.clock() - timedelta(weeks=weeks_ago)
    patient = services.patients.match_or_add(person, PatientFacts(identifier=f"{clinic}-{at:%Y-%m-%d}-{model}")).patient
    study = Study(key=f"{patient.id}s", clinic_id=clinic, patient_id=patient.id, created_at=at, unread=False)
    study.status, study.probability = "negative", 0.0
    services.session.add(study)
    services.session.flush()
    film = {"study_id": study.id, "kind": "JPEG", "size": 1, "created_at": at}
    rows = [{"key": f"{study.id}f{n}", "sha256": f"{n}", **film} for n in range(len(answers))]
    films = services.session.scalars(insert(FilmRecord).returning(FilmRecord.id), rows).all()
    reading = {"model": model.name, "version": model.version, "created_at": at, "appearance": {}, "findings": {}}
    said = [
        {"film_id": film, "probability": value, "verdict": None if value is None else "negative", **reading}
        for film, value in zip(films, answers, strict=True)
    ]
    services.session.execute(insert(ReadingRecord), said)


def read_again(services: Services, study: Study, version: str, verdict: str | None) -> None:
    """Let another version of the model read a study's first film; None refuses it."""
    services.clock.forward(minutes=1)
    record = ReadingRecord(film_id=study.films[0].id, model=MODEL.name, version=version, created_at=services.clock())
    record.verdict, record.probability = verdict, 0.1 if verdict else None
    record.appearance, record.findings = {}, {}
    services.session.add(record)
    services.session.flush()
    services.session.expire_all()
    sum_up(services.session, [study])
    services.session.commit()
