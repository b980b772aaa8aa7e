"""The sender of reports to systems that are no archives, from a queue that survives whatever stops the process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Protocol

from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound
from lungwise.jobs.deliveries import NOT_OF_CLINIC, ClaimedDelivery, ReportDispatches
from lungwise.jobs.worker import SingleJobWorker
from lungwise.reports.outgoing import NotSentError, RefusedError, ReportDestination, ReportMessage
from lungwise.store import Clock, Database

_log = logging.getLogger("lungwise.send")
Messages = Callable[[Session, ClaimedDelivery], ReportMessage]
"""Makes the message of a delivery."""


class ReportSystems(Protocol):
    """The systems of clinics."""

    def of(self, session: Session, delivery: ClaimedDelivery) -> ReportDestination | None:
        """Return the system that a delivery goes to; None where its clinic has none of the kind."""

    def clinics(self, session: Session, delivery: ClaimedDelivery) -> Collection[int] | None:
        """Return the clinics whose reports go to the same system; None for all."""


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
            destination, job, body, key = self._written(job)
            if not self.holds(job):
                return None
            destination.send(body, key)
        except NotFound:
            return None
        except Exception as error:  # whatever one report does, the others are sent
            return self._not_sent(job, error)
        self._database.transact(lambda session: self._finish(session, job))
        _log.info("A report is sent to %s.", job.destination)
        return ""

    def _written(self, job: ClaimedDelivery) -> tuple[ReportDestination, ClaimedDelivery, bytes, str]:
        """Write the report as it was at one moment for the system of its clinic, and return its version with the job.

        Raises
        ------
        RefusedError
            If the clinic has no such system.
        """
        with self._database.snapshot() as session:
            destination = self._systems.of(session, job)
            if destination is None:
                raise RefusedError(NOT_OF_CLINIC)
            message = self._messages(session, job)
            return destination, replace(job, version=message.version), destination.write(message), message.key

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

    def _finish(self, session: Session, job: ClaimedDelivery) -> None:
        queue = self.queue(session)
        if not queue.finish(job):
            queue.send_newest_last(job)
        node = Person(None, self._title, job.clinic_id, Role.NODE)
        AuditTrail(session, self._clock, job.destination).record(node, Action.SENT, Subject.STUDY, job.study)
