"""The jobs: one film waits, is claimed for a while, and gets its reading."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np
from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from lungwise.films import Photographed, Refusal
from lungwise.films.film import photographed_from
from lungwise.jobs.deliveries import Dispatches
from lungwise.jobs.statements import (
    ANY_DUE,
    END,
    FILMS,
    LOCKED_JOB,
    LOCKED_JOB_AND_STUDY,
    LOCKED_STUDY,
    NEXT,
    TAKE,
)
from lungwise.reading.reading import Reading
from lungwise.store import Clock, database_time, new_key
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Study, StudyStatus

ATTEMPTS = 4
ANSWERED = timedelta(minutes=10)
"""How long reading waits for a person who is asked whose films they are; then they are read all the same."""
_BACK_OFF = (5, 25, 125)
"""Seconds between two attempts."""
_UNFINISHED = (JobState.RUNNING, JobState.QUEUED)
"""What is not read yet; a film whose reader died has waited longest, and goes before those that are queued."""
NEW = (Job.state.in_(_UNFINISHED), Job.model == "")
"""Films without their first reading; those in a reader's hand have none yet either."""
_DIED = "the process that read it died each time"

DueJob = Row[int, int, int, str, str, str, bool, list[list[float]] | None, bool]
"""A job that may be taken, as `NEXT` tells of it."""
LockedJob = Row[int, str, str, Study, bool, bool, list[list[float]] | None]
"""A job that is being finished, as `LOCKED_JOB_AND_STUDY` tells of it."""
ReadFilm = Row[int, str, str | None, float | None]
"""A film of a study, as `FILMS` tells of it."""


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
    photographed: Photographed | None = None


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

    def claim(self, model: Model, most: int = 1) -> list[Claim]:
        """Take the next jobs for a model, so that nobody else takes them: new films first, the oldest first.

        A film that was tried before is taken alone: should it end its reader's process, it ends no other's attempt.
        """
        now = database_time(self._session)
        while rows := self._next(model, now, most):
            untried = list(takewhile(lambda row: not row.attempts and not row.is_read, rows))
            first = rows[0]
            if untried or (not first.is_read and first.attempts < ATTEMPTS):
                return self._take(untried or rows[:1], model, now)
            state, error = (JobState.DONE, "") if first.is_read else (JobState.FAILED, _DIED)
            self._end([first.id], [self._lock_study(first.film_id)], state, error)
        return []

    def renew(self, claim: Claim) -> None:
        """Show that a claimed job is still worked on."""
        due = database_time(self._session) + self._lease
        held = (Job.id == claim.job, Job.claim == claim.token, Job.state == JobState.RUNNING)
        self._session.execute(update(Job).where(*held).values(due_at=due))

    def finish(self, outcomes: Mapping[Claim, Reading | Refusal]) -> None:
        """Keep the readings and refusals, and sum the studies up.

        The first to finish a job has finished it, even one whose lease has run out. A film deleted
        meanwhile is left.
        """
        ordered = sorted(outcomes, key=attrgetter("study", "job"))  # in one order, for readers that meet
        locked = {claim: row for claim in ordered if (row := self._lock(claim)) is not None}
        unread = {claim: row for claim, row in locked.items() if not row.is_read}
        now = self._clock()
        records = [_record(outcomes[claim], claim.model, row.film_id, now) for claim, row in unread.items()]
        self._session.add_all(records)
        if self._send_to:
            self._send([record for record, row in zip(records, unread.values(), strict=True) if not row.model])
        self._end([claim.job for claim in locked], {row.Study for row in locked.values()}, JobState.DONE, "")

    def give_up(self, claim: Claim, error: str) -> None:
        """Queue a job again that ended in a fault, for later, or after its last attempt call it failed."""
        job = self._held(claim)
        if job is None:
            return
        if job.attempts < ATTEMPTS:
            self._put_back(job, _BACK_OFF[job.attempts - 1])
            job.error = error[:200]
        else:
            self._end([job.id], [self._lock_study(job.film_id)], JobState.FAILED, error)

    def give_back(self, claim: Claim, pause: float = 0) -> None:
        """Queue a job again that was not begun, to be taken from `pause` seconds on; this was no attempt."""
        job = self._held(claim)
        if job is not None:
            job.attempts -= 1
            self._put_back(job, pause)

    def unfinished(self, study_id: int) -> int:
        """Count a study's new films that wait for their reading."""
        query = select(Job.id).join(FilmRecord)
        query = query.where(FilmRecord.study_id == study_id, *NEW)
        return len(self._session.scalars(query).all())

    def _next(self, model: Model, now: datetime, most: int) -> Sequence[DueJob]:
        asked = {"name": model.name, "version": model.version, "most": most}
        for wanted in ("", str(model)):
            for state in _UNFINISHED:
                if rows := self._session.execute(NEXT, asked | {"wanted": wanted, **self._due(state, now)}).all():
                    return rows
        return []

    def _due(self, state: JobState, now: datetime) -> dict[str, Any]:
        """Say what may be taken now; a lease that ends, or a pause, can be no longer than it is made."""
        longest = 2 * self._lease if state is JobState.RUNNING else max(ANSWERED, timedelta(seconds=2 * _BACK_OFF[-1]))
        return {"state": state, "now": now, "latest": now + longest}

    def _take(self, rows: Sequence[DueJob], model: Model, now: datetime) -> list[Claim]:
        token = new_key()
        self._session.execute(TAKE, {"jobs": [row.id for row in rows], "token": token, "until": now + self._lease})
        return [Claim(row.id, token, row.study, row.sha256, model, row.request_id, _photographed(row)) for row in rows]

    def _lock(self, claim: Claim) -> LockedJob | None:
        """Lock a job that nobody has finished yet, with its study; none where the film was cut otherwise meanwhile."""
        asked = {"job": claim.job, "name": claim.model.name, "version": claim.model.version}
        row = self._session.execute(LOCKED_JOB_AND_STUDY, asked).one_or_none()
        if row is None or row.state == JobState.DONE or _photographed(row) != claim.photographed:
            return None
        return row

    def _send(self, records: list[ReadingRecord]) -> None:
        """Queue the results of new films for the archives; an old film that is read again stays here."""
        self._session.flush()
        for record in records:
            Dispatches(self._session, self._clock).queue(record, self._send_to)

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

    def _end(self, jobs: Collection[int], studies: Collection[Study], state: JobState, error: str) -> None:
        if jobs:
            self._session.execute(END, {"jobs": jobs, "end": state, "why": error[:200], "now": self._clock()})
        sum_up(self._session, studies)


def sum_up(session: Session, studies: Collection[Study]) -> None:
    """Bring studies' standing up to their films; a verdict that a second reading changes is unread again."""
    films: dict[int, list[ReadFilm]] = {study.id: [] for study in studies}
    for row in session.execute(FILMS, {"studies": list(films)}) if films else ():
        films[row.study_id].append(row)
    for study in studies:
        before = study.standing
        study.standing, study.probability = _summary(study, films[study.id])
        if before not in (StudyStatus.WAITING, study.standing):
            study.unread = True


def _photographed(row: DueJob | LockedJob) -> Photographed | None:
    return photographed_from(row.corners) if row.by_camera or row.corners else None


def _summary(study: Study, films: list[ReadFilm]) -> tuple[StudyStatus, float]:
    """Sum a study up: the highest probability of its films, and the verdict that goes with it."""
    if any(film.state in _UNFINISHED for film in films):
        return StudyStatus.WAITING, study.probability
    read = [(film.probability, film.verdict) for film in films if film.probability is not None]
    if not read:
        return StudyStatus.REFUSED, 0.0
    highest, verdict = max(read, key=itemgetter(0))
    return StudyStatus(str(verdict)), highest


def _record(outcome: Reading | Refusal, model: Model, film: int, now: datetime) -> ReadingRecord:
    about = {"film_id": film, "model": model.name, "version": model.version, "created_at": now}
    if isinstance(outcome, Refusal):
        return ReadingRecord(
            **about,
            appearance={},
            findings={},
            refusal_code=outcome.code,
            refusal_values=dict(outcome.values),
        )
    return ReadingRecord(
        **about,
        probability=float(outcome.probability),
        verdict=outcome.verdict.value,
        appearance={name: float(value) for name, value in outcome.appearance.items()},
        findings={name: float(value) for name, value in outcome.findings.items()},
        heat=np.round(np.clip(outcome.heat_map, 0, 1) * 255).astype(np.uint8).tobytes(),
        warnings=list(outcome.warnings),
    )
