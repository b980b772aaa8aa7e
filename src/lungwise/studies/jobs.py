"""The jobs: one film waits, is claimed for a while, and gets its reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from lungwise.films import Refusal
from lungwise.reading.reading import Reading
from lungwise.store import Clock, database_time, new_key
from lungwise.studies.dispatches import Dispatches
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Standing, Study
from lungwise.studies.statements import (
    ANY_DUE,
    END,
    FILMS,
    LOCKED_JOB,
    LOCKED_JOB_AND_STUDY,
    LOCKED_STUDY,
    NEXT,
    TAKE,
)

ATTEMPTS = 4
_BACK_OFF = (5, 25, 125)
"""Seconds between two attempts."""
_PAUSE = 2
"""Seconds until a job that was given back may be taken again."""
_UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
_DIED = "the process that read it died each time"


@dataclass(frozen=True, slots=True)
class Model:
    """Which model reads: films, and the jobs that want no other."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claimed job: which film to fetch and read, with which model."""

    job: int
    token: str
    study: str
    sha256: str
    model: Model
    request_id: str = ""


class Jobs:
    """The queue of films to read, in the database.

    A claim is a lease: whoever has it shows every while that they live, and when they do not, the
    job is anybody's again. The lease keeps two from working on one film for nothing; that a job
    gets one reading does not rest on it, nor on any clock, but on `finish`.
    """

    def __init__(self, session: Session, clock: Clock, lease: float, send_to: Sequence[str] = ()) -> None:
        self._session = session
        self._clock = clock
        self._lease = timedelta(seconds=lease)
        self._send_to = send_to

    def any_due(self) -> bool:
        """Say whether any job can be claimed."""
        now = database_time(self._session)
        return any(self._session.scalar(ANY_DUE, self._due(state, now)) for state in _UNFINISHED)

    def claim(self, model: Model) -> Claim | None:
        """Take the next job for a model, so that nobody else takes it: new films first, the oldest first."""
        now = database_time(self._session)
        while (row := self._next(model, now)) is not None:
            job, film, attempts, request_id, study, sha256, is_read = row
            if not is_read and attempts < ATTEMPTS:
                return Claim(job, self._take(job, now), study, sha256, model, request_id)
            state, error = (JobState.DONE, "") if is_read else (JobState.FAILED, _DIED)
            self._end(job, self._lock_study(film), state, error)
        return None

    def renew(self, claim: Claim) -> None:
        """Show that a claimed job is still worked on."""
        due = database_time(self._session) + self._lease
        held = (Job.id == claim.job, Job.claim == claim.token, Job.state == JobState.RUNNING)
        self._session.execute(update(Job).where(*held).values(due_at=due))

    def finish(self, claim: Claim, outcome: Reading | Refusal) -> None:
        """Keep the reading, or the refusal, and sum the study up.

        The first to finish a job has finished it, even one whose lease has run out. A film deleted
        meanwhile is left.
        """
        asked = {"job": claim.job, "name": claim.model.name, "version": claim.model.version}
        locked = self._session.execute(LOCKED_JOB_AND_STUDY, asked).one_or_none()
        if locked is None or locked.state == JobState.DONE:
            return
        film, wanted, _, study, is_read = locked
        if not is_read:
            record = _record(outcome, claim.model)
            record.film_id, record.created_at = film, self._clock()
            self._session.add(record)
            if self._send_to and not wanted:  # an old film that is read again stays here
                self._session.flush()
                Dispatches(self._session, self._clock).queue(record, self._send_to)
        self._end(claim.job, study, JobState.DONE, "")

    def give_up(self, claim: Claim, error: str) -> None:
        """Queue a job again that ended in a fault, for later, or after its last attempt call it failed."""
        job = self._held(claim)
        if job is None:
            return
        if job.attempts < ATTEMPTS:
            self._put_back(job, _BACK_OFF[job.attempts - 1])
            job.error = error[:200]
        else:
            self._end(job.id, self._lock_study(job.film_id), JobState.FAILED, error)

    def give_back(self, claim: Claim) -> None:
        """Queue a job again that could not be begun; this was no attempt."""
        job = self._held(claim)
        if job is not None:
            job.attempts -= 1
            self._put_back(job, _PAUSE)

    def unfinished(self, study_id: int) -> int:
        """Count a study's new films that wait for their reading."""
        query = select(Job.id).join(FilmRecord)
        query = query.where(FilmRecord.study_id == study_id, Job.model == "", Job.state.in_(_UNFINISHED))
        return len(self._session.scalars(query).all())

    def _next(self, model: Model, now: datetime) -> Row[int, int, int, str, str, str, bool] | None:
        for wanted in ("", str(model)):
            for state in _UNFINISHED:
                asked = {"wanted": wanted, "name": model.name, "version": model.version, **self._due(state, now)}
                if (row := self._session.execute(NEXT, asked).first()) is not None:
                    return row
        return None

    def _due(self, state: JobState, now: datetime) -> dict[str, Any]:
        """Say what may be taken now; a lease that ends, or a pause, can be no longer than it is made."""
        longest = 2 * self._lease if state is JobState.RUNNING else timedelta(seconds=2 * _BACK_OFF[-1])
        return {"state": state, "now": now, "latest": now + longest}

    def _take(self, job: int, now: datetime) -> str:
        token = new_key()
        self._session.execute(TAKE, {"job": job, "token": token, "until": now + self._lease})
        return token

    def _held(self, claim: Claim) -> Job | None:
        """Give a claimed job unless its lease has run out and somebody else has taken it."""
        job = self._session.scalar(LOCKED_JOB, {"job": claim.job})
        return job if job is not None and (job.state, job.claim) == (JobState.RUNNING, claim.token) else None

    def _put_back(self, job: Job, seconds: float) -> None:
        job.state, job.claim = JobState.QUEUED, ""
        job.due_at = database_time(self._session) + timedelta(seconds=seconds)

    def _lock_study(self, film: int) -> Study:
        """Let the readings of one study be written and summed up one after the other."""
        return self._session.scalars(LOCKED_STUDY, {"film": film}).one()

    def _end(self, job: int, study: Study, state: JobState, error: str) -> None:
        self._session.execute(END, {"job": job, "end": state, "why": error[:200], "now": self._clock()})
        sum_up(self._session, study)


def sum_up(session: Session, study: Study) -> None:
    """Bring a study's standing up to its films; a verdict that a second reading changes is unread again."""
    before = study.standing
    study.standing, study.probability = _summary(session, study)
    if before not in (Standing.WAITING, study.standing):
        study.unread = True


def _summary(session: Session, study: Study) -> tuple[Standing, float]:
    """Sum a study up: the highest probability of its films, and the verdict that goes with it."""
    films = session.execute(FILMS, {"study": study.id}).all()
    if any(state in _UNFINISHED for state, _, _ in films):
        return Standing.WAITING, study.probability
    read = [(probability, verdict) for _, verdict, probability in films if probability is not None]
    if not read:
        return Standing.REFUSED, 0.0
    highest, verdict = max(read, key=itemgetter(0))
    return Standing(str(verdict)), highest


def _record(outcome: Reading | Refusal, model: Model) -> ReadingRecord:
    if isinstance(outcome, Refusal):
        return ReadingRecord(
            model=model.name,
            version=model.version,
            appearance={},
            findings={},
            refusal_code=outcome.code,
            refusal_reason=outcome.reason,
        )
    return ReadingRecord(
        model=model.name,
        version=model.version,
        probability=float(outcome.probability),
        verdict=outcome.verdict.value,
        appearance={name: float(value) for name, value in outcome.appearance.items()},
        findings={name: float(value) for name, value in outcome.findings.items()},
        heat=np.round(np.clip(outcome.heat_map, 0, 1) * 255).astype(np.uint8).tobytes(),
        warnings=[caution.code for caution in outcome.warnings],
    )
