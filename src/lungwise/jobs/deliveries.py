"""The queue of results to send: a reading's objects wait for an archive, until it has acknowledged each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lungwise.store import Clock
from lungwise.store.lease_queue import Lease, LeaseQueue, LeaseStatements
from lungwise.studies.models import Dispatch, DispatchState, FilmRecord, ReadingRecord, Study

_LEASE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDelivery(Lease):
    """One claimed dispatch: the results of which film and reading go where, and what the archive has already."""

    destination: str
    clinic_id: int
    film: str
    reading: int
    accepted: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchLine:
    """One dispatch, as a list shows it."""

    study: str
    film: str
    destination: str
    state: str
    attempts: int
    error: str


class Dispatches(LeaseQueue[Dispatch]):
    """The queue of results to send. A dispatch is tried for four days."""

    statements = LeaseStatements(Dispatch)

    def __init__(self, session: Session, clock: Clock) -> None:
        super().__init__(session, clock, _LEASE)

    def queue(self, reading: ReadingRecord, destinations: Iterable[str]) -> None:
        """Queue a reading's results where its film came as DICOM and was read; what is queued already stays."""
        film = self._session.get_one(FilmRecord, reading.film_id)
        if reading.verdict is None or film.kind != "DICOM":
            return
        now = self._now()
        for name in dict.fromkeys(destinations):
            if name not in {dispatch.destination for dispatch in reading.dispatches}:
                reading.dispatches.append(Dispatch(destination=name, created_at=now, due_at=now))
        self._session.flush()

    def queue_study(self, key: str, destinations: Iterable[str]) -> bool:
        """Queue the newest readings of a study's films; return whether there is such a study."""
        study = self._session.scalar(select(Study).where(Study.key == key))
        for film in study.films if study else ():
            if film.reading is not None:
                self.queue(film.reading, destinations)
        return study is not None

    def retry_now(self) -> None:
        """Let everything that waits be tried at once, and what has failed again; what is claimed stays so."""
        unsent = update(Dispatch).where(Dispatch.state.in_((DispatchState.QUEUED, DispatchState.FAILED)))
        self._session.execute(unsent.values(state=DispatchState.QUEUED, due_at=self._now(), attempts=0))

    def claim(self) -> ClaimedDelivery | None:
        """Claim the dispatch that has been due for longest."""
        dispatch = self._claim_next()
        if dispatch is None:
            return None
        reading = self._session.get_one(ReadingRecord, dispatch.reading_id)
        film = self._session.get_one(FilmRecord, reading.film_id)
        return ClaimedDelivery(
            job=dispatch.id,
            token=dispatch.claim,
            destination=dispatch.destination,
            clinic_id=film.study.clinic_id,
            film=film.key,
            reading=reading.id,
            accepted=frozenset(dispatch.accepted),
        )

    def accept(self, delivery: ClaimedDelivery, instance: str) -> None:
        """Keep that the archive has acknowledged an object: it is never sent there again."""
        dispatch = self._session.get(Dispatch, delivery.job)
        if dispatch is not None:  # else the study was deleted meanwhile
            dispatch.accepted = sorted({*dispatch.accepted, instance})

    def finish(self, delivery: ClaimedDelivery) -> None:
        """Keep that an archive has all objects."""
        dispatch = self._session.get(Dispatch, delivery.job)
        if dispatch is not None:
            dispatch.state, dispatch.error, dispatch.due_at = DispatchState.SENT, "", self._now()

    def fail(self, lease: Lease, error: str, *, away: bool = False) -> Dispatch | None:
        """Queue a dispatch again for later.

        Where the archive is away, whatever else waits for it waits as long, and takes no time from other archives.
        """
        dispatch = super().fail(lease, error)
        if away and dispatch is not None and dispatch.state == DispatchState.QUEUED:
            waits = (Dispatch.state == DispatchState.QUEUED, Dispatch.destination == dispatch.destination)
            early = update(Dispatch).where(*waits, Dispatch.due_at < dispatch.due_at)
            self._session.execute(early.values(due_at=dispatch.due_at))
        return dispatch

    def unsent(self) -> list[DispatchLine]:
        """List what is not sent, the oldest first."""
        shown = (Dispatch.destination, Dispatch.state, Dispatch.attempts, Dispatch.error)
        query = select(Study.key.label("study"), FilmRecord.key.label("film"), *shown).select_from(Dispatch)
        query = query.join(ReadingRecord).join(FilmRecord).join(Study).where(Dispatch.state != DispatchState.SENT)
        return [DispatchLine(**row._mapping) for row in self._session.execute(query.order_by(Dispatch.id))]
