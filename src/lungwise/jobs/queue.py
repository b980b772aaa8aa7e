"""The queue as people see it: who is before whom, what failed, and reading everything again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, func, insert, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound
from lungwise.jobs.reading_queue import NEW, Model, sum_up
from lungwise.metrics import WaitingFilms
from lungwise.store import Clock, after_commit, database_time, utc_now
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Study

__all__ = ["Entry", "JobState", "Queue"]

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One job, for people."""

    job: int
    film: str
    study: str
    state: str
    model: str
    attempts: int
    error: str
    queued_at: datetime


def waiting_films(session: Session) -> WaitingFilms:
    """Count the new films of every clinic that wait, by the time at which they were queued."""
    films = session.scalar(select(func.count()).select_from(Job).where(*NEW)) or 0
    oldest = session.scalar(select(Job.created_at).where(*NEW).order_by(Job.id).limit(1))
    return WaitingFilms(films=films, oldest_seconds=max((utc_now() - oldest).total_seconds(), 0) if oldest else 0)


class Queue:
    """The jobs of one installation, and of one clinic for its administrator."""

    def __init__(
        self, session: Session, clock: Clock, audit: AuditTrail, notify: Callable[[], None] = lambda: None
    ) -> None:
        self._session = session
        self._notify = notify
        self._clock = clock
        self._audit = audit

    def before(self, study: Study) -> int:
        """Count the new films that will be read before any of a study's."""
        waiting = select(func.min(Job.id)).join(FilmRecord).where(FilmRecord.study_id == study.id, *NEW)
        first = self._session.scalar(waiting)
        query = select(func.count()).select_from(Job).where(*NEW, Job.id < (first or 0))
        return self._session.scalar(query) or 0

    def counts(self, model: Model | None = None) -> dict[str, int]:
        """Count the jobs of each state, of every clinic: all of them, or those that want one model."""
        query = select(Job.state, func.count()).group_by(Job.state)
        if model is not None:
            query = query.where(Job.model == str(model))
        found = {state: count for state, count in self._session.execute(query)}
        return {state.value: found.get(state.value, 0) for state in JobState}

    def entries(self, state: JobState, limit: int) -> list[Entry]:
        """List the oldest jobs of a state, of every clinic."""
        return self._entries(limit, Job.state == state)

    def failed(self, person: Person, limit: int = 200) -> list[Entry]:
        """List the clinic's failed jobs, the oldest first."""
        person.need(Right.ADMINISTER)
        return self._entries(limit, Job.state == JobState.FAILED, Study.clinic_id == person.clinic_id)

    def retry_film(self, person: Person, key: str) -> bool:
        """Queue a film's failed jobs again, and say whether there was one."""
        person.need(Right.ADMINISTER)
        query = select(FilmRecord).join(Study).where(FilmRecord.key == key, Study.clinic_id == person.clinic_id)
        film = self._session.scalar(query)
        if film is None:
            raise NotFound
        failed = [job.id for job in film.jobs if job.state == JobState.FAILED]
        if failed:
            self.retry(failed)
            self._audit.record(person, Action.HAD_READ_AGAIN, Subject.FILM, key)
            after_commit(self._session, self._notify)
        return bool(failed)

    def retry(self, numbers: list[int] | None = None) -> int:
        """Queue failed jobs again, by their numbers or all of them, and say how many."""
        query = select(Job).where(Job.state == JobState.FAILED).with_for_update()
        failed = self._session.scalars(query if numbers is None else query.where(Job.id.in_(numbers))).all()
        due = database_time(self._session)
        for job in failed:
            job.state, job.attempts, job.due_at = JobState.QUEUED, 0, due
        self._session.flush()
        sum_up(self._session, {job.film.study for job in failed})
        return len(failed)

    def reread(self, model: Model, after: int = 0) -> list[int]:
        """Queue the next films that a model has not read, and give their numbers: none when all are queued.

        What is queued already, or failed, is left as it is; so are the readings by other models.
        """
        query = self._unread_by(model).where(FilmRecord.id > after).limit(_ROWS_AT_ONCE)
        films = list(self._session.scalars(query.with_for_update(skip_locked=True)))
        row = {"model": str(model), "state": JobState.QUEUED, "claim": "", "attempts": 0, "error": ""}
        row |= {"created_at": self._clock(), "due_at": database_time(self._session)}
        if films:
            self._session.execute(insert(Job), [{"film_id": film, **row} for film in films])
            after_commit(self._session, self._notify)
        return films

    def _unread_by(self, model: Model) -> Select[int]:
        read = exists().where(
            ReadingRecord.film_id == FilmRecord.id,
            ReadingRecord.model == model.name,
            ReadingRecord.version == model.version,
        )
        queued = exists().where(Job.film_id == FilmRecord.id, Job.model == str(model))
        return select(FilmRecord.id).where(~read, ~queued).order_by(FilmRecord.id)

    def _entries(self, limit: int, *where: ColumnElement[bool]) -> list[Entry]:
        keys = (Job.id.label("job"), FilmRecord.key.label("film"), Study.key.label("study"))
        query = select(*keys, Job.state, Job.model, Job.attempts, Job.error, Job.created_at.label("queued_at"))
        query = query.join_from(Job, FilmRecord).join(Study).where(*where).order_by(Job.id).limit(limit)
        return [Entry(**row._mapping) for row in self._session.execute(query)]
