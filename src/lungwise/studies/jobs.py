"""The jobs: one film waits, is claimed, and gets its reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lungwise.films import Refusal
from lungwise.reading.reading import Reading
from lungwise.store import Clock
from lungwise.studies.dispatches import Dispatches
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Standing, Study

ATTEMPTS = 3
NO_MODEL = ("none", "")
"""Model and version of a refusal that came before any model saw the film."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claimed job: which film to fetch and read."""

    job: int
    study: str
    sha256: str


class Jobs:
    """The queue of films to read, in the database."""

    def __init__(self, session: Session, clock: Clock, send_to: Sequence[str] = ()) -> None:
        self._session = session
        self._clock = clock
        self._send_to = send_to

    def claim(self) -> Claim | None:
        """Take the oldest queued job, so that no other reader takes it."""
        query = select(Job).where(Job.state == JobState.QUEUED).order_by(Job.id).limit(1)
        job = self._session.scalar(query.with_for_update(skip_locked=True))
        if job is None:
            return None
        job.state = JobState.RUNNING
        job.attempts += 1
        self._session.flush()
        return Claim(job.id, job.film.study.key, job.film.sha256)

    def finish(self, claim: Claim, outcome: Reading | Refusal) -> None:
        """Keep the reading, or the refusal, and sum the study up. A film deleted meanwhile is left."""
        job = self._session.get(Job, claim.job)
        if job is None:
            return
        film = job.film
        record = _record(outcome)
        known = {(reading.model, reading.version) for reading in film.readings}
        if (record.model, record.version) not in known:
            record.created_at = self._clock()
            film.readings.append(record)
            self._session.flush()
            Dispatches(self._session, self._clock).queue(record, self._send_to)
        self._end(job, JobState.DONE, "")

    def give_up(self, claim: Claim, error: str) -> None:
        """Queue a job again that ended in a fault, or after its last attempt call it failed."""
        job = self._session.get(Job, claim.job)
        if job is None:
            return
        if job.attempts < ATTEMPTS:
            job.state = JobState.QUEUED
        else:
            self._end(job, JobState.FAILED, error)

    def resume(self) -> int:
        """Queue again what a stopped process had claimed; say how many jobs wait."""
        self._session.execute(update(Job).where(Job.state == JobState.RUNNING).values(state=JobState.QUEUED))
        return len(self._session.scalars(select(Job.id).where(Job.state == JobState.QUEUED)).all())

    def unfinished(self, study_id: int) -> int:
        """Count a study's films that wait for their reading."""
        waiting = (JobState.QUEUED, JobState.RUNNING)
        query = select(Job.id).join(FilmRecord).where(FilmRecord.study_id == study_id, Job.state.in_(waiting))
        return len(self._session.scalars(query).all())

    def _end(self, job: Job, state: JobState, error: str) -> None:
        job.state, job.error, job.finished_at = state, error[:200], self._clock()
        # The lock makes two readers of one study sum it up one after the other.
        study = self._session.get(Study, job.film.study_id, with_for_update=True)
        self._session.flush()
        if study is not None:
            self._session.expire(study, ["films"])
            study.standing, study.probability = summary(study)


def summary(study: Study) -> tuple[Standing, float]:
    """Sum a study up: the highest probability of its films, and the verdict that goes with it."""
    jobs = [film.jobs[-1] for film in study.films if film.jobs]
    if any(job.state in (JobState.QUEUED, JobState.RUNNING) for job in jobs):
        return Standing.WAITING, study.probability
    read = [film.reading for film in study.films if film.reading and film.reading.probability is not None]
    if not read:
        return Standing.REFUSED, 0.0
    highest = max(read, key=lambda reading: reading.probability or 0.0)
    return Standing(str(highest.verdict)), highest.probability or 0.0


def _record(outcome: Reading | Refusal) -> ReadingRecord:
    if isinstance(outcome, Refusal):
        model, version = NO_MODEL
        return ReadingRecord(
            model=model,
            version=version,
            appearance={},
            findings={},
            refusal_code=outcome.code,
            refusal_reason=outcome.reason,
        )
    return ReadingRecord(
        model=outcome.model,
        version=outcome.version,
        probability=float(outcome.probability),
        verdict=outcome.verdict.value,
        appearance={name: float(value) for name, value in outcome.appearance.items()},
        findings={name: float(value) for name, value in outcome.findings.items()},
        heat=np.round(np.clip(outcome.heat_map, 0, 1) * 255).astype(np.uint8).tobytes(),
    )
