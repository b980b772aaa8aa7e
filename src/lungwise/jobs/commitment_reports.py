"""The queue of what peers asked about: each is told which of its objects are safe here, however long it is away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from lungwise.store import Clock
from lungwise.store.lease_queue import FAILED, QUEUED, Lease, LeaseQueue, LeaseStatements
from lungwise.studies.commitment_models import CommitmentReport, Reference

_LEASE = timedelta(minutes=5)
_FIRST_WAIT = timedelta(seconds=1)
"""A peer that ends its association after asking has done so by then."""
_OTHERS_WAIT = timedelta(seconds=10)
"""How long other nodes of the clinic leave a report to the one that was asked, whose association may be open still."""
_MAY_CLAIM = (
    CommitmentReport.clinic_id == bindparam("clinic"),
    or_(
        CommitmentReport.state != QUEUED,
        CommitmentReport.claim.in_(["", bindparam("node")]),
        CommitmentReport.due_at <= bindparam("left"),
    ),
)
_MOST_WAITING = 2_000
"""Requests of one clinic that may wait at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedReport(Lease):
    """One claimed report: who wants to know what."""

    clinic_id: int
    title: str
    transaction_uid: str
    references: Sequence[Reference]


class TooManyReportsError(Exception):
    """So many requests of a clinic's peers wait that no more are taken."""


class AnotherRequestError(Exception):
    """A peer has used a transaction UID before, for other objects."""


class CommitmentReports(LeaseQueue[CommitmentReport]):
    """The queue of one clinic's reports to peers. A report is tried for four days.

    Parameters
    ----------
    node
        The key of the process that is asked, or that reports.
    """

    statements = LeaseStatements(CommitmentReport, always=_MAY_CLAIM)

    def __init__(self, session: Session, clock: Clock, clinic_id: int, node: str) -> None:
        super().__init__(session, clock, _LEASE)
        self._clinic_id = clinic_id
        self._node = node

    def bound(self, now: datetime) -> dict[str, object]:
        """Return what a node may claim."""
        return {"clinic": self._clinic_id, "node": self._node, "left": now - _OTHERS_WAIT}

    def queue(self, title: str, transaction_uid: str, references: Sequence[Reference]) -> None:
        """Queue a report on objects; who asks the same again is told again.

        Raises
        ------
        AnotherRequestError
            If the peer asked something else by this transaction UID.
        TooManyReportsError
            If too many wait.
        """
        now = self._now()
        known = self._known(title, transaction_uid)
        if known is not None:
            if known.references != list(references):
                raise AnotherRequestError
            known.state, known.claim, known.attempts, known.due_at = QUEUED, self._node, 0, now + _FIRST_WAIT
            return
        waiting = (CommitmentReport.clinic_id == self._clinic_id, CommitmentReport.state != FAILED)
        count = self._session.scalar(select(func.count()).select_from(CommitmentReport).where(*waiting)) or 0
        if count >= _MOST_WAITING:
            raise TooManyReportsError
        report = CommitmentReport(
            clinic_id=self._clinic_id,
            claim=self._node,
            title=title,
            transaction_uid=transaction_uid,
            asked=[list(one) for one in references],
            created_at=now,
            due_at=now + _FIRST_WAIT,
        )
        self._session.add(report)
        self._session.flush()

    def claim(self) -> ClaimedReport | None:
        """Claim the report that has been due for longest."""
        report = self._claim_next()
        if report is None:
            return None
        return ClaimedReport(
            job=report.id,
            token=report.claim,
            clinic_id=report.clinic_id,
            title=report.title,
            transaction_uid=report.transaction_uid,
            references=report.references,
        )

    def finish(self, report: ClaimedReport) -> None:
        """Delete a report that its peer has acknowledged, unless the peer has asked again meanwhile."""
        held = self._held(report)
        if held is not None:
            self._session.delete(held)

    def fail(self, lease: Lease, error: str) -> CommitmentReport | None:
        """Queue a report again for later; all others for the same peer wait too, and take no time from other peers.

        After its last attempt it is deleted, and returned as failed: a peer that still wants to know asks again.
        """
        report = super().fail(lease, error)
        if report is not None and report.state == FAILED:
            self._session.delete(report)
        if report is not None and report.state == QUEUED:
            same = (CommitmentReport.clinic_id == report.clinic_id, CommitmentReport.title == report.title)
            self._delay_others(report, *same)
        return report

    def _known(self, title: str, transaction_uid: str) -> CommitmentReport | None:
        same = (CommitmentReport.title == title, CommitmentReport.transaction_uid == transaction_uid)
        return self._session.scalar(select(CommitmentReport).where(*same).with_for_update())
