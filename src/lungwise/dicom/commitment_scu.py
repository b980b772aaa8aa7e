"""Asking an archive whether it keeps what it was sent (storage commitment)."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from pynetdicom import build_context, evt

from lungwise.dicom.commitment import PUSH_MODEL, REQUEST, WELL_KNOWN, Request
from lungwise.dicom.commitment_scp import report_handler
from lungwise.dicom.outgoing import Destination, Outgoing
from lungwise.settings import Settings
from lungwise.store import Clock, Database
from lungwise.studies.commitment_models import Reference

_STAY_SECONDS = 1
"""How long the association stays open for an archive that answers by the same one."""


class CommitmentScu:
    """Asks archives; what they answer is kept as it comes, here or at the node."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._outgoing = Outgoing(settings)
        self._database = database
        self._clock = clock

    def ask(self, destination: Destination, transaction_uid: str, references: Sequence[Reference]) -> str:
        """Ask an archive to confirm objects, and return why it does not take the request; nothing where it does."""
        answered = threading.Event()
        handler = report_handler(self._database, self._clock, answered.set)
        association = self._outgoing.associate(
            destination, [build_context(PUSH_MODEL)], handlers=[(evt.EVT_N_EVENT_REPORT, handler)]
        )
        title = destination.title
        if not association.is_established:
            if association.is_rejected or association.rejected_contexts:
                return f"{title} does not offer storage commitment (setting send_commitment)"
            return self._outgoing.why_away(destination)
        request = Request(transaction_uid=transaction_uid, references=references)
        try:
            status, _reply = association.send_n_action(request.as_dataset(), REQUEST, PUSH_MODEL, WELL_KNOWN)
            code = status.get("Status")
            if code == 0:
                answered.wait(_STAY_SECONDS)
        except (RuntimeError, ValueError) as error:  # the association is gone
            return f"{title} does not take a request for storage commitment ({type(error).__name__})"
        finally:
            association.release()
        if code == 0:
            return ""
        return f"{title} {'does not answer' if code is None else f'answers {code:04X}'} to storage commitment"
