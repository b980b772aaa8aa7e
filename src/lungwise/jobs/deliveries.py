"""The dispatches: a reading's result objects wait to be sent to an archive, until it has acknowledged each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lungwise.store import Clock
from lungwise.studies.models import Dispatch, DispatchState, FilmRecord, ReadingRecord, Study

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
_MOST_ATTEMPTS = 100
"""With the longest pause these are four days."""
_LEASE = timedelta(minutes=10)
"""How long whoever took a dispatch has to send it, before another one takes it for lost."""


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """One dispatch in hand: the results of which film and reading go where, and what the archive has already."""

    dispatch: int
    destination: str
    clinic_id: int
    film: str
    reading: int
    accepted: frozenset[str]


@dataclass(frozen=True, slots=True)
class DispatchLine:
    """One dispatch, as a list shows it."""

    study: str
    film: str
    destination: str
    state: str
    attempts: int
    error: str


class Dispatches:
    """The queue of results to send, in the database."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def queue(self, reading: ReadingRecord, destinations: Iterable[str]) -> None:
        """Queue a reading's results where its film came as DICOM and was read; what is queued already stays."""
        film = self._session.get_one(FilmRecord, reading.film_id)
        if reading.verdict is None or film.kind != "DICOM":
            return
        queued = {dispatch.destination for dispatch in reading.dispatches}
        now = self._clock()
        reading.dispatches += [
            Dispatch(
                destination=name,
                state=DispatchState.QUEUED,
                attempts=0,
                accepted=[],
                created_at=now,
                due_at=now,
                error="",
            )
            for name in dict.fromkeys(destinations)
            if name not in queued
        ]
        self._session.flush()

    def queue_study(self, key: str, destinations: Iterable[str]) -> bool:
        """Queue the newest readings of a study's films; say whether there is such a study."""
        study = self._session.scalar(select(Study).where(Study.key == key))
        for film in study.films if study else ():
            if film.reading is not None:
                self.queue(film.reading, destinations)
        return study is not None

    def hurry(self) -> None:
        """Let everything that waits be tried at once, and what was given up again; what is in a hand stays there."""
        unsent = update(Dispatch).where(Dispatch.state.in_((DispatchState.QUEUED, DispatchState.FAILED)))
        self._session.execute(unsent.values(state=DispatchState.QUEUED, due_at=self._clock(), attempts=0))

    def claim(self) -> ClaimedDelivery | None:
        """Take the dispatch that is due longest, so that nobody else sends it."""
        now = self._clock()
        dispatch = self._due(DispatchState.QUEUED, now) or self._due(DispatchState.SENDING, now)
        if dispatch is None:
            return None
        dispatch.attempts += 1
        dispatch.state, dispatch.due_at = DispatchState.SENDING, now + _LEASE
        self._session.flush()
        reading = self._session.get_one(ReadingRecord, dispatch.reading_id)
        film = self._session.get_one(FilmRecord, reading.film_id)
        clinic, accepted = film.study.clinic_id, frozenset(dispatch.accepted)
        return ClaimedDelivery(dispatch.id, dispatch.destination, clinic, film.key, reading.id, accepted)

    def _due(self, state: DispatchState, now: datetime) -> Dispatch | None:
        """Find along the index what is due longest: of what was in a hand, that of a hand that is gone."""
        due = select(Dispatch).where(Dispatch.state == state, Dispatch.due_at <= now)
        due = due.order_by(Dispatch.due_at, Dispatch.id).limit(1).with_for_update(skip_locked=True)
        return self._session.scalar(due)

    def accept(self, errand: ClaimedDelivery, instance: str) -> None:
        """Keep that the archive has acknowledged an object: it is never sent there again."""
        dispatch = self._session.get(Dispatch, errand.dispatch)
        if dispatch is not None:  # else the study was deleted meanwhile
            dispatch.accepted = sorted({*dispatch.accepted, instance})

    def note(self, errand: ClaimedDelivery, error: str, *, away: bool = False) -> None:
        """Keep what came of an errand: without an error all arrived, else the rest goes later.

        Where the archive is away, whatever else waits for it waits as long, and takes no time from other archives.
        """
        dispatch = self._session.get(Dispatch, errand.dispatch)
        if dispatch is None:
            return
        dispatch.error = error[:200]
        if not error:
            dispatch.state, dispatch.due_at = DispatchState.SENT, self._clock()
        elif dispatch.attempts >= _MOST_ATTEMPTS:
            dispatch.state = DispatchState.FAILED
        else:
            pause = min(_FIRST_PAUSE * 2 ** min(dispatch.attempts - 1, 10), _LONGEST_PAUSE)
            dispatch.state, dispatch.due_at = DispatchState.QUEUED, self._clock() + pause
            if away:
                self._hold(errand.destination, dispatch.due_at)

    def _hold(self, destination: str, until: datetime) -> None:
        early = (Dispatch.state == DispatchState.QUEUED, Dispatch.destination == destination, Dispatch.due_at < until)
        self._session.execute(update(Dispatch).where(*early).values(due_at=until))

    def unsent(self) -> list[DispatchLine]:
        """List what is not sent, the oldest first."""
        query = (
            select(Study.key, FilmRecord.key, Dispatch)
            .join_from(Dispatch, ReadingRecord)
            .join(FilmRecord)
            .join(Study)
            .where(Dispatch.state != DispatchState.SENT)
            .order_by(Dispatch.id)
        )
        return [
            DispatchLine(study, film, one.destination, one.state, one.attempts, one.error)
            for study, film, one in self._session.execute(query)
        ]
