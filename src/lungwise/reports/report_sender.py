"""The sender of reports to systems that are no archives, from a queue that survives whatever stops the process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

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
DestinationOf = Callable[[Session, int, str], ReportDestination | None]
"""Gives a clinic's system of a kind; None where it has none."""


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
        destination_of: DestinationOf,
        title: str,
    ) -> None:
        super().__init__(database, "report sender")
        self._clock = clock
        self._messages = messages
        self._names = names
        self._destination_of = destination_of
        self._title = title

    def queue(self, session: Session) -> ReportDispatches:
        """Open the queue over a session."""
        return ReportDispatches(session, self._clock, self._names)

    def claim(self, queue: ReportDispatches) -> ClaimedDelivery | None:
        """Claim the next delivery."""
        return queue.claim()

    def do(self, job: ClaimedDelivery) -> str | None:
        """Send the newest version of a report, and return the error; nothing where its study was deleted meanwhile."""
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
            destination = self._destination_of(session, job.clinic_id, job.destination)
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
        return identifiers is None or self._write(lambda queue: queue.begin(outgoing.job, identifiers))

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
        elif isinstance(error, NotSentError):
            away = error.away
            self._write(lambda queue: queue.fail(job, said, away=away))
        else:
            said = f"a fault on our side ({type(error).__name__})"
            _log.error("Dispatch %d failed.", job.job, exc_info=error)
            self._write(lambda queue: queue.fail(job, said))
        _log.warning("A report waits for %s: %s.", job.destination, said)
        return said

    def _finish(self, session: Session, outgoing: _Outgoing) -> None:
        job = outgoing.job
        node = Person(None, self._title, job.clinic_id, Role.NODE)
        trail = AuditTrail(session, self._clock, job.destination)
        if outgoing.identifiers is None:
            self.queue(session).withdrawn(job)
            trail.record(node, Action.WITHDREW, Subject.STUDY, job.study)
        else:
            self.queue(session).finish(job)
            trail.record(node, Action.SENT, Subject.STUDY, job.study)


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
