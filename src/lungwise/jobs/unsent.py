"""What is not sent: results that wait for an archive or another system, or were given up. Looking changes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.metrics import UnsentResults
from lungwise.store import Clock
from lungwise.studies.models import Dispatch, DispatchState, Study, is_archive

LATE = timedelta(hours=1)
"""What has waited for longer is said to the clinic's administrators."""
_UNSENT = Dispatch.state.in_((DispatchState.QUEUED, DispatchState.SENDING, DispatchState.FAILED))


class Why(StrEnum):
    """Why results are not sent."""

    WAITING = "waiting"
    SENDING = "sending"
    NOT_CONFIRMED = "not confirmed"
    GIVEN_UP = "given up"
    ARCHIVE_REMOVED = "archive removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentLine:
    """The results of one study that one archive, or another system, does not have.

    `next_try` is None where nothing is tried any more: somebody must act.
    """

    number: int
    study: str
    clinic: int
    archive: str
    state: Why
    attempts: int
    error: str
    since: datetime
    next_try: datetime | None

    @property
    def is_archive(self) -> bool:
        """Whether it is an archive that does not have them."""
        return is_archive(self.archive)


class Unsent:
    """Lists what is not sent.

    Parameters
    ----------
    destinations
        Wherever results are sent; what waits for another place is not tried.
    """

    def __init__(self, session: Session, clock: Clock, destinations: Collection[str]) -> None:
        self._session = session
        self._clock = clock
        self._destinations = frozenset(destinations)

    def of_clinic(self, person: Person, after: int = 0, limit: int = 200) -> list[UnsentLine]:
        """List what is not sent of a person's clinic, the oldest first, from behind a number on."""
        person.need(Right.SEE_ALL)
        return self._lines(limit, Dispatch.id > after, Study.clinic_id == person.clinic_id)

    def count_late(self, person: Person) -> int:
        """Count the studies of a clinic whose results have waited for long, or were given up."""
        late = (Dispatch.created_at < self._clock() - LATE) | (Dispatch.state == DispatchState.FAILED)
        query = select(func.count(Dispatch.study_id.distinct())).join(Study).where(_UNSENT, late)
        return self._session.scalar(query.where(Study.clinic_id == person.clinic_id)) or 0

    def of_all(self, limit: int = 1000) -> list[UnsentLine]:
        """List what is not sent of every clinic, the oldest first."""
        return self._lines(limit)

    def _lines(self, limit: int, *where: ColumnElement[bool]) -> list[UnsentLine]:
        query = select(Dispatch, Study.key, Study.clinic_id).join(Study).where(_UNSENT, *where)
        rows = self._session.execute(query.order_by(Dispatch.id).limit(limit))
        return [self._line(dispatch, key, clinic) for dispatch, key, clinic in rows]

    def _line(self, dispatch: Dispatch, study: str, clinic: int) -> UnsentLine:
        state = self._why(dispatch)
        return UnsentLine(
            number=dispatch.id,
            study=study,
            clinic=clinic,
            archive=dispatch.destination,
            state=state,
            attempts=dispatch.attempts,
            error=dispatch.error,
            since=dispatch.created_at,
            next_try=dispatch.due_at if state in (Why.WAITING, Why.NOT_CONFIRMED) else None,
        )

    def _why(self, dispatch: Dispatch) -> Why:
        if dispatch.state == DispatchState.FAILED:
            return Why.GIVEN_UP
        if dispatch.destination not in self._destinations:
            return Why.ARCHIVE_REMOVED
        if dispatch.state == DispatchState.SENDING:
            return Why.SENDING
        return Why.NOT_CONFIRMED if dispatch.asks else Why.WAITING


def unsent_results(session: Session, now: datetime) -> UnsentResults:
    """Count what is not sent, of every clinic."""
    query = select(Dispatch.state, func.count(), func.min(Dispatch.created_at)).where(_UNSENT).group_by(Dispatch.state)
    found = {state: (count, oldest) for state, count, oldest in session.execute(query)}
    given_up = found.pop(DispatchState.FAILED, (0, now))[0]
    oldest = min((oldest for _count, oldest in found.values()), default=now)
    return UnsentResults(
        waiting=sum(count for count, _oldest in found.values()),
        given_up=given_up,
        oldest_seconds=max((now - oldest).total_seconds(), 0),
    )
