"""The sender of withdrawals: a study was deleted, and systems that are no archives have its report, or may have it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.jobs.deliveries import NOT_OF_CLINIC
from lungwise.jobs.withdrawals import ClaimedWithdrawal, Withdrawals
from lungwise.jobs.worker import SingleJobWorker
from lungwise.reports.outgoing import NotSentError, RefusedError, ReportDestination, Withdrawal
from lungwise.store import Clock, Database

_log = logging.getLogger("lungwise.send")
ClinicName = Callable[[Session, int], str]
DestinationOf = Callable[[Session, int, str], ReportDestination | None]
"""Gives a clinic's system of a kind; None where it has none."""


class WithdrawalSender(SingleJobWorker[Withdrawals, ClaimedWithdrawal, str]):
    """Sends what is queued; `work_all` yields the error of each withdrawal, empty where it arrived."""

    stop_seconds = 15.0

    def __init__(
        self,
        database: Database,
        clock: Clock,
        clinic_name: ClinicName,
        names: Collection[str],
        destination_of: DestinationOf,
        title: str,
    ) -> None:
        super().__init__(database, "withdrawal sender")
        self._clock = clock
        self._clinic_name = clinic_name
        self._names = names
        self._destination_of = destination_of
        self._title = title

    def queue(self, session: Session) -> Withdrawals:
        """Open the queue over a session."""
        return Withdrawals(session, self._clock, self._names)

    def claim(self, queue: Withdrawals) -> ClaimedWithdrawal | None:
        """Claim the next withdrawal."""
        return queue.claim()

    def do(self, job: ClaimedWithdrawal) -> str | None:
        """Withdraw a report, and return the error; nothing where another process does it."""
        if not self.holds(job):
            return None
        try:
            self._send(job)
        except Exception as error:  # whatever one withdrawal does, the others are sent
            return self._not_sent(job, error)
        self._database.transact(lambda session: self._finish(session, job))
        _log.info("A report is withdrawn from %s.", job.destination)
        return ""

    def _send(self, job: ClaimedWithdrawal) -> None:
        with self._database.snapshot() as session:
            destination = self._destination_of(session, job.clinic_id, job.destination)
            clinic = self._clinic_name(session, job.clinic_id)
        if destination is None:
            raise RefusedError(NOT_OF_CLINIC)
        withdrawal = Withdrawal(version=job.version, clinic=clinic, identifiers=job.identifiers)
        destination.send(destination.write_withdrawal(withdrawal), withdrawal.key)

    def _not_sent(self, job: ClaimedWithdrawal, error: Exception) -> str:
        said = str(error)
        if not isinstance(error, NotSentError | RefusedError):
            said = f"a fault on our side ({type(error).__name__})"
            _log.error("Withdrawal %d failed.", job.job, exc_info=error)
        if isinstance(error, RefusedError):
            self._write(lambda queue: queue.refuse(job, said))
        else:
            self._write(lambda queue: queue.fail(job, said))
        _log.warning("A withdrawal waits for %s: %s.", job.destination, said)
        return said

    def _finish(self, session: Session, job: ClaimedWithdrawal) -> None:
        self.queue(session).finish(job)
        node = Person(None, self._title, job.clinic_id, Role.NODE)
        trail = AuditTrail(session, self._clock, job.destination)
        trail.record(node, Action.WITHDREW, Subject.STUDY, job.identifiers.study)
