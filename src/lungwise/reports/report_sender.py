"""The sender of reports to systems that are no archives, from a queue that survives whatever stops the process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Protocol

from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound
from lungwise.jobs.deliveries import NOT_OF_CLINIC, ClaimedDelivery, ReportDispatches
from lungwise.jobs.worker import SingleJobWorker
from lungwise.reports.outgoing import NotSentError, RefusedError, ReportDestination, ReportMessage, Withdrawal
from lungwise.store import Clock, Database
from lungwise.studies.recipients import Recipients
from lungwise.studies.report_identifiers import ReportIdentifiers, report_identifiers

_log = logging.getLogger("lungwise.send")
Messages = Callable[[Session, ClaimedDelivery], ReportMessage]
"""Makes the message of a delivery."""


class ReportSystems(Protocol):
    """The systems of clinics."""

    def of(self, session: Session, clinic_id: int, name: str) -> ReportDestination | None:
        """Return a clinic's system of a kind; None where it has none."""

    def clinics(self, session: Session, delivery: ClaimedDelivery) -> Collection[int] | None:
        """Return the clinics whose reports go to the same system; None for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outgoing:
    """What is sent next to a system: a report with what identifies it, or without that the withdrawal of `earlier`.

    `earlier` identifies the report that the system has already, or may have.
    """

    destination: ReportDestination
    job: ClaimedDelivery
    body: bytes
    key: str
    identifiers: ReportIdentifiers | None
    earlier: ReportIdentifiers | None


class ReportSender(SingleJobWorker[ReportDispatches, ClaimedDelivery, str]):
    """Sends what is queued; `work_all` yields the error of each delivery, empty where it arrived."""

    stop_seconds = 15.0

    def __init__(
        self,
        database: Database,
        clock: Clock,
        messages: Messages,
        names: Collection[str],
        systems: ReportSystems,
        title: str,
    ) -> None:
        super().__init__(database, "report sender")
        self._clock = clock
        self._messages = messages
        self._names = names
        self._systems = systems
        self._title = title

    def queue(self, session: Session) -> ReportDispatches:
        """Open the queue over a session."""
        return ReportDispatches(session, self._clock, self._names)

    def claim(self, queue: ReportDispatches) -> ClaimedDelivery | None:
        """Claim the next delivery."""
        return queue.claim()

    def do(self, job: ClaimedDelivery) -> str | None:
        """Send the newest version of a report, and return the error.

        Nothing where its study was deleted meanwhile, or another process sends it: this one would come after a newer.
        """
        try:
            outgoing = self._written(job)
            job = outgoing.job
            if not self._begin(outgoing):
                return None
            self._send(outgoing)
        except NotFound:
            return None
        except Exception as error:  # whatever one report does, the others are sent
            return self._not_sent(job, error)
        self._database.transact(lambda session: self._finish(session, outgoing))
        _log.info("A report is %s %s.", "sent to" if outgoing.identifiers else "withdrawn from", job.destination)
        return ""

    def _written(self, job: ClaimedDelivery) -> _Outgoing:
        """Write the report as it was at one moment for the system of its clinic.

        Where the system has an earlier version under another person, or may not have this one, that is withdrawn first.

        Raises
        ------
        RefusedError
            If the clinic has no such system, or the system may have no report and has none.
        """
        with self._database.snapshot() as session:
            destination = self._systems.of(session, job.clinic_id, job.destination)
            if destination is None:
                raise RefusedError(NOT_OF_CLINIC)
            message = self._messages(session, job)
            recipients = Recipients(session, self._clock)
            earlier = recipients.identifiers(job.study, job.destination)
            identifiers = report_identifiers(message.report.study, message.report.patient, message.orders)
            job = replace(job, version=message.version)
            if earlier is not None and not recipients.is_still_of(earlier, identifiers):
                return _withdrawal(destination, job, message, earlier)
            try:
                body = destination.write(message)
            except RefusedError:
                if earlier is None:
                    raise
                return _withdrawal(destination, job, message, earlier)
        return _Outgoing(
            destination=destination,
            job=job,
            body=body,
            key=message.key,
            identifiers=identifiers.joined(earlier) if earlier else identifiers,
            earlier=earlier,
        )

    def _begin(self, outgoing: _Outgoing) -> bool:
        identifiers = outgoing.identifiers
        if identifiers is None:
            return self.holds(outgoing.job)
        return self._write(lambda queue: queue.begin(outgoing.job, identifiers))

    def _send(self, outgoing: _Outgoing) -> None:
        try:
            outgoing.destination.send(outgoing.body, outgoing.key)
        except (NotSentError, RefusedError) as error:
            if outgoing.identifiers and not (isinstance(error, NotSentError) and error.may_have_it):
                self._write(lambda queue: queue.not_taken(outgoing.job, outgoing.earlier))
            raise

    def _not_sent(self, job: ClaimedDelivery, error: Exception) -> str:
        said = str(error)
        if isinstance(error, RefusedError):
            self._write(lambda queue: queue.refuse(job, said))
        else:
            if not isinstance(error, NotSentError):
                said = f"a fault on our side ({type(error).__name__})"
                _log.error("Dispatch %d failed.", job.job, exc_info=error)
            away = isinstance(error, NotSentError) and error.away
            self._database.transact(lambda session: self._fail(session, job, said, away))
        _log.warning("A report waits for %s: %s.", job.destination, said)
        return said

    def _fail(self, session: Session, job: ClaimedDelivery, said: str, away: bool) -> None:
        queue, clinics = self.queue(session), self._systems.clinics(session, job)
        if queue.fail(job, said, away=away, clinics=clinics) is None:  # it may have arrived all the same
            queue.send_newest_last(job)

    def _finish(self, session: Session, outgoing: _Outgoing) -> None:
        job, queue = outgoing.job, self.queue(session)
        is_report = outgoing.identifiers is not None
        if not (queue.finish(job) if is_report else queue.withdrawn(job)):
            queue.send_newest_last(job)
        node = Person(None, self._title, job.clinic_id, Role.NODE)
        trail = AuditTrail(session, self._clock, job.destination)
        trail.record(node, Action.SENT if is_report else Action.WITHDREW, Subject.STUDY, job.study)


def _withdrawal(
    destination: ReportDestination, job: ClaimedDelivery, message: ReportMessage, earlier: ReportIdentifiers
) -> _Outgoing:
    withdrawal = Withdrawal(version=message.version, clinic=message.report.clinic, identifiers=earlier)
    return _Outgoing(
        destination=destination,
        job=job,
        body=destination.write_withdrawal(withdrawal),
        key=withdrawal.key,
        identifiers=None,
        earlier=earlier,
    )
