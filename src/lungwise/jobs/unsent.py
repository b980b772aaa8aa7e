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
from lungwise.store.lease_queue import FAILED
from lungwise.studies.dispatch_models import Dispatch, DispatchState, is_archive
from lungwise.studies.models import Study
from lungwise.studies.recipient_models import NOT_WITHDRAWN, ReportRecipient

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
    """The results of one study that one archive, or another system, does not have; or a withdrawal of its report.

    The study of a withdrawal was deleted, and its number is 0: withdrawals are listed whole, before all else.
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
    withdrawal: bool = False

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
        withdrawals = [] if after else self._withdrawals(ReportRecipient.clinic_id == person.clinic_id)
        return withdrawals + self._lines(limit, Dispatch.id > after, Study.clinic_id == person.clinic_id)

    def count_late(self, person: Person) -> int:
        """Count the studies of a clinic whose results, or their withdrawal, have waited for long or were given up."""
        before = self._clock() - LATE
        late = (Dispatch.created_at < before) | (Dispatch.state == DispatchState.FAILED)
        query = select(func.count(Dispatch.study_id.distinct())).join(Study).where(_UNSENT, late)
        found = self._session.scalar(query.where(Study.clinic_id == person.clinic_id)) or 0
        late = (ReportRecipient.created_at < before) | (ReportRecipient.state == FAILED)
        gone = select(func.count(ReportRecipient.study_key.distinct())).where(NOT_WITHDRAWN, late)
        return found + (self._session.scalar(gone.where(ReportRecipient.clinic_id == person.clinic_id)) or 0)

    def of_all(self, limit: int = 1000) -> list[UnsentLine]:
        """List what is not sent of every clinic, the oldest first."""
        return self._withdrawals() + self._lines(limit)

    def _withdrawals(self, *where: ColumnElement[bool]) -> list[UnsentLine]:
        query = select(ReportRecipient).where(NOT_WITHDRAWN, *where).order_by(ReportRecipient.id)
        return [self._withdrawal(row) for row in self._session.scalars(query)]

    def _withdrawal(self, row: ReportRecipient) -> UnsentLine:
        state = self._why(row)
        return UnsentLine(
            number=0,
            study=row.study_key,
            clinic=row.clinic_id,
            archive=row.destination,
            state=state,
            attempts=row.attempts,
            error=row.error,
            since=row.created_at,
            next_try=row.due_at if state is Why.WAITING else None,
            withdrawal=True,
        )

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

    def _why(self, job: Dispatch | ReportRecipient) -> Why:
        if job.state == FAILED:
            return Why.GIVEN_UP
        if job.destination not in self._destinations:
            return Why.ARCHIVE_REMOVED
        if job.state == job.running:
            return Why.SENDING
        return Why.NOT_CONFIRMED if isinstance(job, Dispatch) and job.asks else Why.WAITING


def unsent_results(session: Session, now: datetime) -> UnsentResults:
    """Count what is not sent, of every clinic."""
    given_up, waiting, oldest = 0, 0, now
    for job, unsent in ((Dispatch, _UNSENT), (ReportRecipient, NOT_WITHDRAWN)):
        query = select(job.state, func.count(), func.min(job.created_at)).where(unsent).group_by(job.state)
        for state, count, since in session.execute(query):
            if state == FAILED:
                given_up += count
            else:
                waiting, oldest = waiting + count, min(oldest, since)
    return UnsentResults(
        waiting=waiting,
        given_up=given_up,
        oldest_seconds=max((now - oldest).total_seconds(), 0),
    )
