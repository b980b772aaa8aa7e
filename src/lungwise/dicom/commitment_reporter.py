"""Reports on what is safe, by the association of the request while that is open, else by a new one."""

from __future__ import annotations

import logging
from functools import partial
from io import BytesIO

from pynetdicom import build_context, build_role
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.dsutils import encode
from sqlalchemy.orm import Session

from lungwise.dicom.commitment import PUSH_MODEL, WELL_KNOWN, Answer
from lungwise.dicom.commitment_scp import OpenAssociations
from lungwise.dicom.limits import BoundedMessages
from lungwise.dicom.outgoing import Destination, Outgoing
from lungwise.jobs.commitment_reports import ClaimedReport, CommitmentReports
from lungwise.jobs.worker import SingleJobWorker
from lungwise.metrics import REPORTS_GIVEN_UP
from lungwise.receiving.kept_instances import KeptInstances
from lungwise.settings import Settings
from lungwise.store import Clock, Database, FilmStore
from lungwise.store.lease_queue import FAILED

_log = logging.getLogger("lungwise.node")
_ANSWER_SECONDS = 10
"""How long a peer has to answer a report by the association of its request."""


class CommitmentReporter(SingleJobWorker[CommitmentReports, ClaimedReport, str]):
    """Tells a clinic's peers which objects are safe; `work_all` yields each error, empty where the peer knows."""

    poll_seconds = 1.0

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        store: FilmStore,
        clinic_id: int,
        associations: OpenAssociations,
    ) -> None:
        super().__init__(database, "commitment")
        self._clock = clock
        self._clinic_id = clinic_id
        self._store = store
        self._associations = associations
        self._outgoing = Outgoing(settings)
        self._peers = {one.title: one for one in map(Destination.parse, settings.node_commitment_to_list)}

    def queue(self, session: Session) -> CommitmentReports:
        """Open the queue over a session."""
        return CommitmentReports(session, self._clock, self._clinic_id, self._associations.key)

    def claim(self, queue: CommitmentReports) -> ClaimedReport | None:
        """Claim the next report."""
        return queue.claim()

    def do(self, job: ClaimedReport) -> str | None:
        """Tell a peer, and return the error; nothing where another node tells it, which knows of what came since."""
        try:
            with self._database.reading() as session:
                kept, failed = KeptInstances(session, self._store).sort(job.clinic_id, job.references)
            if not self.holds(job):
                return None
            answer = Answer(transaction_uid=job.transaction_uid, kept=kept, failed=failed)
            error = self._told(job, answer)
        except Exception as fault:  # whatever one request does, the others are answered
            _log.exception("A report on storage commitment failed.")
            error = f"a fault on our side ({type(fault).__name__})"
        if error:
            self._fail(job, error)
        else:
            self._write(partial(CommitmentReports.finish, report=job))
            _log.info("%s knows that %d objects are safe, and %d are not.", job.title, len(kept), len(failed))
        return error

    def _fail(self, job: ClaimedReport, error: str) -> None:
        report = self._write(partial(CommitmentReports.fail, lease=job, error=error))
        if report is not None and report.state == FAILED:
            REPORTS_GIVEN_UP.inc()
            _log.error("A report on storage commitment is given up after %d attempts: %s.", report.attempts, error)
        else:
            _log.warning("A report on storage commitment waits: %s.", error)

    def _told(self, job: ClaimedReport, answer: Answer) -> str:
        found = self._associations.take(job.title, job.transaction_uid)
        if found is not None and _report(*found, answer) == 0:
            return ""
        destination = self._peers.get(job.title)
        if destination is None:
            return f"{job.title} has ended its association, and has no address in node_commitment_to"
        return self._call(destination, answer)

    def _call(self, destination: Destination, answer: Answer) -> str:
        """Tell a peer by an association that begins here."""
        role = build_role(PUSH_MODEL, scp_role=True)
        association = self._outgoing.associate(destination, [build_context(PUSH_MODEL)], [role])
        if not association.is_established:
            if association.is_rejected:
                return f"{destination.title} rejects this association"
            if association.rejected_contexts:
                return f"{destination.title} takes no reports on storage commitment"
            return self._outgoing.why_away(destination)
        try:
            status, _reply = association.send_n_event_report(
                answer.as_dataset(), answer.event_type, PUSH_MODEL, WELL_KNOWN
            )
        finally:
            association.release()
        code = status.get("Status")
        if code == 0:
            return ""
        return f"{destination.title} {'does not answer' if code is None else f'answers {code:04X}'} to a report"


def _report(association: Association, context_id: int, answer: Answer) -> int | None:
    """Tell a peer by an association that it began, and return the status that it answers with."""
    context = next(one for one in association.accepted_contexts if one.context_id == context_id)
    syntax = context.transfer_syntax[0]
    data = encode(answer.as_dataset(), syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    request = N_EVENT_REPORT()
    request.MessageID = 1
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = PUSH_MODEL, WELL_KNOWN
    request.EventTypeID = answer.event_type
    request.EventInformation = BytesIO(data or b"")
    messages = association.dimse
    if not isinstance(messages, BoundedMessages):
        raise TypeError("The association does not take reports.")
    return messages.report(request, context_id, _ANSWER_SECONDS)
