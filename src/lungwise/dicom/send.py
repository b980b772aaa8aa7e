"""Sending: result objects go to archives by C-STORE, from a queue that survives whatever stops the process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.dicom.archives import Archives, Delivery
from lungwise.dicom.commitment_scu import CommitmentScu
from lungwise.dicom.outgoing import Destination
from lungwise.jobs.deliveries import NOT_OF_CLINIC, ClaimedDelivery, Dispatches
from lungwise.jobs.worker import SingleJobWorker
from lungwise.store import Clock, Database
from lungwise.studies.commitment_models import Reference
from lungwise.studies.sent_reports import ReportVersion

_log = logging.getLogger("lungwise.send")
Objects = Callable[[Session, ClaimedDelivery], Sequence[Dataset]]
"""Makes the objects of a delivery."""


class Sender(SingleJobWorker[Dispatches, ClaimedDelivery, str]):
    """Sends what is queued; `work_all` yields the error of each delivery, empty where all arrived."""

    def __init__(self, database: Database, clock: Clock, objects: Objects, archives: Archives) -> None:
        super().__init__(database, "sender")
        self._clock = clock
        self._objects = objects
        self._archives = archives
        self._commitment = CommitmentScu(archives.settings, database, clock)

    def queue(self, session: Session) -> Dispatches:
        """Open the queue over a session."""
        return Dispatches(session, self._clock, self._archives.destinations)

    def claim(self, queue: Dispatches) -> ClaimedDelivery | None:
        """Claim the next delivery."""
        return queue.claim()

    def do(self, job: ClaimedDelivery) -> str:
        """Send the results of a study, and return the error."""
        if not self._is_of_clinic(job):
            self._write(lambda dispatches: dispatches.refuse(job, NOT_OF_CLINIC))
            return NOT_OF_CLINIC
        delivery = self._delivered(job)
        confirms = self._archives.confirms(job.destination)
        if confirms and not delivery.error:
            delivery.error = self._asked(job, delivery)
        with self._database.writing() as session:
            if delivery.error:
                self.queue(session).fail(job, delivery.error, away=delivery.away)
            elif confirms:
                delivery.error = self.queue(session).settle(job, delivery.stored, self._archives.confirmation_time)
            else:
                self.queue(session).finish(job)
            if delivery.accepted:
                node = Person(None, self._archives.title, job.clinic_id, Role.NODE)
                host = Destination.parse(job.destination).host
                AuditTrail(session, self._clock, host[:45]).record(node, Action.SENT, Subject.STUDY, job.study)
        if delivery.error:
            _log.warning("Results wait: %s.", delivery.error)
        else:
            _log.info("Results are sent to %s.", job.destination)
        return delivery.error

    def _is_of_clinic(self, job: ClaimedDelivery) -> bool:
        """Return whether an archive gets the results of a study's clinic still."""
        with self._database.reading() as session:
            return job.destination in self._archives.of_clinic(session, job.clinic_id)

    def _delivered(self, job: ClaimedDelivery) -> Delivery:
        try:
            with self._database.reading() as session:
                objects = self._objects(session, job)
            destination = Destination.parse(job.destination)
            wanted = self._archives.wanted(destination, objects)
            left = [item for item in wanted if str(item.SOPInstanceUID) not in job.accepted]
            before = {str(item.SOPInstanceUID): _reference(item) for item in wanted if item not in left}
            if not left:
                return Delivery(stored=before)
            reports = {str(item.SOPInstanceUID): _version_of(item) for item in left if item.Modality == "SR"}
            delivery = self._archives.deliver(
                destination, left, partial(self.holds, job), partial(self._accept, job, reports)
            )
            delivery.stored = before | delivery.stored
            return delivery
        except Exception as error:  # whatever one study does, the others are sent
            _log.exception("Dispatch %d failed.", job.job)
            return Delivery(error=f"a fault on our side ({type(error).__name__})")

    def _asked(self, job: ClaimedDelivery, delivery: Delivery) -> str:
        """Ask an archive about what it has not confirmed yet, and return why it cannot be asked."""
        transaction_uid = str(generate_uid(prefix=None))
        left = self._write(lambda dispatches: dispatches.request(job, delivery.stored, transaction_uid))
        if not left:
            return ""
        return self._commitment.ask(Destination.parse(job.destination), transaction_uid, left)

    def _accept(self, job: ClaimedDelivery, reports: Mapping[str, ReportVersion], instance: str) -> None:
        self._write(lambda dispatches: dispatches.accept(job, instance, reports.get(instance)))


def _reference(item: Dataset) -> Reference:
    return Reference(str(item.SOPClassUID), str(item.SOPInstanceUID))


def _version_of(report: Dataset) -> ReportVersion:
    return ReportVersion(
        study_uid=str(report.StudyInstanceUID),
        series_uid=str(report.SeriesInstanceUID),
        instance_uid=str(report.SOPInstanceUID),
    )
