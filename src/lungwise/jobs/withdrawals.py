"""The queue of reports to withdraw: their studies were deleted here, and other systems have them still."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from lungwise.jobs.deliveries import DispatchLine
from lungwise.store import Clock
from lungwise.store.lease_queue import FAILED, QUEUED, Lease, LeaseQueue, LeaseStatements
from lungwise.studies.recipient_models import NOT_WITHDRAWN, ReportRecipient
from lungwise.studies.report_identifiers import ReportIdentifiers

_LEASE: Final = timedelta(minutes=3)
"""Longer than any system has to answer."""
_NAMED = ReportRecipient.destination.in_(bindparam("destinations", expanding=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedWithdrawal(Lease):
    """One claimed withdrawal: what is withdrawn where."""

    destination: str
    clinic_id: int
    version: int
    identifiers: ReportIdentifiers


class Withdrawals(LeaseQueue[ReportRecipient]):
    """The queue of withdrawals, each tried for four days as reports are.

    Parameters
    ----------
    destinations
        The systems that the settings name; what waits for another one is not tried.
    """

    statements = LeaseStatements(ReportRecipient, always=(_NAMED,))

    def __init__(self, session: Session, clock: Clock, destinations: Collection[str] = ()) -> None:
        super().__init__(session, clock, _LEASE)
        self._destinations = list(dict.fromkeys(destinations))

    def bound(self, now: datetime) -> dict[str, object]:
        """Return the systems that the settings name."""
        return {"destinations": self._destinations}

    def claim(self) -> ClaimedWithdrawal | None:
        """Claim the withdrawal that has been due for longest."""
        row = self._claim_next()
        if row is None:
            return None
        return ClaimedWithdrawal(
            job=row.id,
            token=row.claim,
            destination=row.destination,
            clinic_id=row.clinic_id,
            version=row.version,
            identifiers=ReportIdentifiers.from_json(row.identifiers_json),
        )

    def finish(self, lease: Lease) -> None:
        """Forget what is withdrawn, and of whom it was."""
        row = self._held(lease)
        if row is not None:
            self._session.delete(row)

    def refuse(self, lease: Lease, error: str) -> None:
        """Give up a withdrawal that the system refuses."""
        row = self._held(lease)
        if row is not None:
            row.state, row.error = FAILED, error[:200]

    def unsent(self) -> list[DispatchLine]:
        """List what is not withdrawn, the oldest first."""
        rows = self._session.scalars(select(ReportRecipient).where(NOT_WITHDRAWN).order_by(ReportRecipient.id))
        return [
            DispatchLine(
                study=row.study_key,
                destination=row.destination,
                state=row.state,
                attempts=row.attempts,
                error=row.error,
                withdrawal=True,
            )
            for row in rows
        ]

    def retry_now(self) -> None:
        """Let everything that waits be tried at once, and what has failed again; what is claimed stays so."""
        waits = update(ReportRecipient).where(ReportRecipient.state.in_((QUEUED, FAILED)))
        self._session.execute(waits.values(state=QUEUED, due_at=self._now(), attempts=0))

    def cancel(self, destination: str) -> int:
        """Cancel what waits for a system, and return how many withdrawals these were: the reports stay there."""
        named = delete(ReportRecipient).where(NOT_WITHDRAWN, ReportRecipient.destination == destination)
        return int(self._session.execute(named).rowcount)  # type: ignore[attr-defined]
