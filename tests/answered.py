"""A clinic whose films a model answered as a test says, week by week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import insert

from lungwise.access import Person
from lungwise.jobs.reading_queue import Model
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
