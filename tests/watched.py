"""A clinic whose films are verified one after the other, so that its charts of errors can be followed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

import synthetic
from lungwise.access import Person
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.models_in_use import current_model
from lungwise.studies.models import FilmRecord, ReadingRecord, ReferenceResult, Study

MODEL = current_model()
RIGHT, WRONG = False, True


def open_studies(session: Session, person: Person, count: int, now: datetime) -> None:
    """Give a clinic so many studies, each of a patient of its own, that nobody has filmed yet."""
    synthetic.fill(session, person, count, now, to_a_patient=1)


def verify(session: Session, person: Person, positives: Sequence[bool], model: Model = MODEL) -> None:
    """Let the next patients with COVID-19 be filmed and tested; of each it is said whether they were missed."""
    used = select(func.count()).select_from(ReferenceResult).join(Study).where(Study.clinic_id == person.clinic_id)
    query = select(Study.id, Study.created_at).where(Study.clinic_id == person.clinic_id).order_by(Study.id)
    studies = session.execute(query.offset(session.scalar(used)).limit(len(positives))).all()
    assert len(studies) == len(positives)
    for (study, at), missed in zip(studies, positives, strict=True):
        probability = 0.01 if missed else 0.97
        film = {"study_id": study, "key": f"w{study}", "sha256": f"w{study}", "kind": "JPEG", "size": 1}
        session.execute(insert(FilmRecord), {**film, "created_at": at})
        session.execute(insert(ReadingRecord), _reading(session, study, probability, model, at))
        session.execute(insert(ReferenceResult), _result(study, person, at))
    session.commit()


def _reading(session: Session, study: int, probability: float, model: Model, at: datetime) -> dict[str, object]:
    film = session.scalar(select(FilmRecord.id).where(FilmRecord.key == f"w{study}"))
    said = {"probability": probability, "verdict": "negative" if probability < 0.5 else "positive"}
    findings = {"findings": {"COVID-19": probability}, "appearance": {}}
    return {"film_id": film, "model": model.name, "version": model.version, "created_at": at, **said, **findings}


def _result(study: int, person: Person, at: datetime) -> dict[str, object]:
    pcr = {"kind": "pcr", "result": "positive", "tested_on": at.date(), "reason": "symptoms"}
    return {"key": f"w{study}", "study_id": study, "author_name": person.name, "created_at": at, **pcr}
