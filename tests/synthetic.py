"""Synthetic patients and studies in bulk: what a large clinic's database holds after a year, without a film."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import TypeVar

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.jobs.reading_queue import Model
from lungwise.patients.models import Patient
from lungwise.patients.records import identifier_context
from lungwise.store import keys_of
from lungwise.studies.models import FilmRecord, ReadingRecord, ReferenceResult, Study, StudyStatus

FIRST = ("Amara", "Béla", "Clara", "Emeka", "Fatima", "Grace", "Hari", "Inès", "Jonas", "Kamal", "Louis", "Olga")
LAST = ("Adeyemi", "Bartók", "Diallo", "Eze", "Gupta", "Haddad", "Ito", "Joshi", "Kone", "Lambert", "Moreau", "Okafor")
YEAR = 365
_BATCH = 5000
_STUDIES = insert(Study).execution_options(render_nulls=True)
"""With a column for every value, of those too that a study lacks: else each kind of study is a statement of its own."""
T = TypeVar("T")


def fill(session: Session, person: Person, studies: int, now: datetime, to_a_patient: int = 5) -> None:
    """Give the person's clinic so many studies over the last year, some to a patient, and commit."""
    chance = random.Random(studies)
    patients = _add_patients(session, person, max(studies // to_a_patient, 1), now)
    for batch in batched(_studies(chance, person, patients, studies, now)):
        session.execute(_STUDIES, batch)
    session.commit()


def _add_patients(session: Session, person: Person, count: int, now: datetime) -> list[int]:
    keys = keys_of(session)
    names = [f"{FIRST[n % len(FIRST)]} {LAST[n // len(FIRST) % len(LAST)]}" for n in range(count)]
    patients = (
        Patient(
            key=f"p{person.clinic_id}-{n}",
            clinic_id=person.clinic_id,
            identifier=f"S-{n}",
            identifier_index=keys.index(identifier_context(person.clinic_id), f"S-{n}"),
            identity_index=keys.index(identifier_context(person.clinic_id), f"S-{n}"),
            name=name,
            sex="FM"[n % 2],
            birth_date=date(1930 + n % 80, 1 + n % 12, 1 + n % 28),
            created_at=now,
            changed_at=now - timedelta(seconds=n),
        )
        for n, name in enumerate(names)
    )
    session.add_all(patients)
    session.flush()
    ids = list(session.scalars(select(Patient.id).where(Patient.clinic_id == person.clinic_id).order_by(Patient.id)))
    return ids[-count:]


PATTERNS = ("", "COVID-19", "tuberculosis", "other pneumonia", "other")


def _studies(
    chance: random.Random, person: Person, patients: list[int], count: int, now: datetime
) -> Iterator[dict[str, object]]:
    for n in range(count):
        probability = chance.betavariate(0.5, 1.5)
        status = "positive" if probability > 0.6 else "negative" if probability < 0.3 else "uncertain"
        status = chance.choices((status, StudyStatus.REFUSED.value, StudyStatus.WAITING.value), (96, 3, 1))[0]
        pattern = chance.choices(PATTERNS, (60, 20, 5, 10, 5))[0]
        concluded = chance.random() < 0.4 and status not in (StudyStatus.REFUSED, StudyStatus.WAITING)
        yield {
            "key": f"s{person.clinic_id}-{n}",
            "clinic_id": person.clinic_id,
            "patient_id": patients[n % len(patients)],
            "author_id": person.id,
            "created_at": now - timedelta(days=chance.uniform(0, YEAR)),
            "unread": chance.random() < 0.1,
            "status": status,
            "probability": probability,
            "pattern": pattern,
            "named_findings": "" if pattern == "other" else pattern,
            "urgency": chance.uniform(0, 4),
            "conclusion": chance.choice(("COVID-19", "normal", "uncertain")) if concluded else None,
            "pcr": chance.choice(("positive", "negative")) if concluded and chance.random() < 0.5 else None,
        }


def read(session: Session, person: Person, model: Model) -> None:
    """Give every study of the person's clinic a film that a model has read, and commit."""
    chance = random.Random(7)
    owned = select(Study.id, Study.key, Study.created_at).where(Study.clinic_id == person.clinic_id)
    films = [
        {"study_id": study, "key": f"f{key}", "sha256": key, "kind": "JPEG", "size": 1, "created_at": at}
        for study, key, at in session.execute(owned).all()
    ]
    for batch in batched(films):
        session.execute(insert(FilmRecord), batch)
    said = {"model": model.name, "version": model.version, "appearance": {}, "heat": bytes(289)}
    read = select(FilmRecord.id, FilmRecord.created_at).join(Study).where(Study.clinic_id == person.clinic_id)
    readings = [
        {"film_id": film, "created_at": at, **said, **_answer(chance)} for film, at in session.execute(read).all()
    ]
    for batch in batched(readings):
        session.execute(insert(ReadingRecord), batch)
    session.commit()


def _answer(chance: random.Random) -> dict[str, object]:
    probability = chance.betavariate(0.5, 1.5)
    findings = {"COVID-19": probability, "tuberculosis": chance.betavariate(0.3, 3), "normal": 1 - probability}
    verdict = "positive" if probability > 0.6 else "negative" if probability < 0.3 else "uncertain"
    return {"probability": probability, "verdict": verdict, "findings": findings}


def enter_results(session: Session, person: Person, share: float) -> None:
    """Give a share of the clinic's studies a PCR result on the film's day, of those positive more often, and commit."""
    chance = random.Random(11)
    query = select(Study.id, Study.created_at, ReadingRecord.probability).join(
        FilmRecord, FilmRecord.study_id == Study.id
    )
    query = query.join(ReadingRecord).where(Study.clinic_id == person.clinic_id)
    results = [
        {
            "key": f"r{study}",
            "study_id": study,
            "kind": "pcr",
            "result": "positive" if chance.random() < 0.05 + 0.7 * (probability or 0) else "negative",
            "tested_on": at.date(),
            "reason": chance.choice(("symptoms", "contact", "film", "sample")),
            "author_name": person.name,
            "created_at": at,
        }
        for study, at, probability in session.execute(query.where(ReadingRecord.probability.is_not(None))).all()
        if chance.random() < share
    ]
    for batch in batched(results):
        session.execute(insert(ReferenceResult), batch)
    session.commit()


def batched(rows: Iterable[T]) -> Iterator[list[T]]:
    """Part rows into as many as go into a statement."""
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


def analyse(session: Session) -> None:
    """Let the database count what it holds, as it does by itself in time."""
    tables = "studies, patients, films, readings"
    maria = session.get_bind().dialect.name == "mysql"
    session.execute(text(f"ANALYZE TABLE {tables}" if maria else "ANALYZE"))
    session.commit()
