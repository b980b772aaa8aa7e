"""Associations that the node rejects, in the audit trail: one entry for each peer and minute."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from functools import partial

from pynetdicom import evt
from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.inputs import network_address
from lungwise.store import Clock, Database
from lungwise.store.background_thread import BackgroundThread

_EVERY_SECONDS = 60.0
_MOST_PEERS = 100
"""Peers of a minute that are told apart; a flood from more of them is counted as one from nowhere."""
_log = logging.getLogger("lungwise.node")


class RejectionTrail(BackgroundThread):
    """Counts rejected associations by peer, and writes them down each minute. A peer waits for no database."""

    name = "rejections"
    stop_seconds = 60.0

    def __init__(self, database: Database, clock: Clock, node: Person) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._node = Person(None, node.name, node.clinic_id, Role.NODE)
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, event: evt.Event) -> None:
        """Count a rejected association."""
        address = network_address(event.assoc.requestor.address or "")
        with self._lock:
            self._counts[address if address in self._counts or len(self._counts) < _MOST_PEERS else ""] += 1

    def write(self) -> None:
        """Write what was counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if counts:
            self._database.transact(partial(self._record, counts=counts))

    def _record(self, session: Session, counts: Counter[str]) -> None:
        for address, times in counts.items():
            trail = AuditTrail(session, self._clock, address)
            trail.record(self._node, Action.REJECTED_ASSOCIATION, Subject.CLINIC, str(self._node.clinic_id), times)

    def _work(self) -> None:
        while not self._stopping.wait(_EVERY_SECONDS):
            self._write_if_possible()
        self._write_if_possible()

    def _write_if_possible(self) -> None:
        try:
            self.write()
        except Exception:  # the database is away: the log and the metrics have these rejections, the trail has not
            _log.exception("Rejected associations are not in the audit trail.")
