"""Sends the audit trail to a syslog server over TLS, entry by entry, as far as it has grown."""

from __future__ import annotations

import logging
import secrets
import socket
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.audit.atna import audit_message
from lungwise.audit.models import AuditEntry, AuditHead
from lungwise.audit.syslog import SyslogError, SyslogServer, syslog_message
from lungwise.settings import Settings
from lungwise.store import Clock, Database, keys_of
from lungwise.store.background_thread import BackgroundThread
from lungwise.store.facts import locked_fact, read_fact, save_fact

_AT_ONCE = 200
_POLL_SECONDS = 5.0
_LONGEST_PAUSE = 300.0
_LEASE = timedelta(minutes=2)
"""How long one process may take over what it sends; then another does."""
_PEOPLE = "people in audit messages"
_SENT, _TURN = "audit trail sent", "audit trail turn"
_log = logging.getLogger("lungwise.audit")


class AuditExporter(BackgroundThread):
    """Sends what was added to the trail; of several processes one does at a time.

    An entry is sent once at least. It may come twice where a connection breaks: its number tells.
    """

    name = "audit exporter"
    stop_seconds = 30.0

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._server = server_of(settings)
        self._source = settings.public_url.partition("//")[2] or socket.gethostname()
        self._name = secrets.token_hex(8)

    def send_all(self) -> int:
        """Send all that is not sent, and return how many entries that was; none where another process does so.

        Raises
        ------
        SyslogError
            If the server does not take it.
        """
        count = 0
        while batch := self._next_batch():
            self._server.send(message for _number, message in batch)
            self._database.transact(partial(_note_sent, last=batch[-1][0]))
            count += len(batch)
        return count

    def unsent(self) -> int:
        """Count the entries that are not sent."""
        with self._database.reading() as session:
            head = session.get(AuditHead, 1)
            return max((head.entries if head else 0) - _position(session), 0)

    def _work(self) -> None:
        pause = _POLL_SECONDS
        while not self._stopping.wait(pause):
            try:
                self.send_all()
                pause = _POLL_SECONDS
            except SyslogError as error:
                _log.error("The audit trail is not sent to %s: %s.", self._server.host, error)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception:  # the database is away, or what else may be: it is tried again
                _log.exception("The audit trail is not sent.")
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _next_batch(self) -> list[tuple[int, bytes]]:
        """Take the turn, and return the next entries with their numbers."""
        if self._stopping.is_set() or not self._database.transact(self._take_turn):
            return []
        with self._database.reading() as session:
            pseudonym = partial(keys_of(session).index, _PEOPLE)
            query = select(AuditEntry).where(AuditEntry.id > _position(session)).order_by(AuditEntry.id)
            return [
                (entry.id, syslog_message(entry.at, self._source, audit_message(entry, self._source, pseudonym)))
                for entry in session.scalars(query.limit(_AT_ONCE))
            ]

    def _take_turn(self, session: Session) -> bool:
        now, (name, _, until) = self._clock(), locked_fact(session, _TURN).partition(" ")
        is_anothers = name not in ("", self._name)
        if is_anothers and now < datetime.fromisoformat(until) <= now + 2 * _LEASE:  # a later one is of a wrong clock
            return False
        save_fact(session, _TURN, f"{self._name} {(now + _LEASE).isoformat()}")
        return True


def server_of(settings: Settings) -> SyslogServer:
    """Return the server that the settings name."""
    host, _, port = settings.audit_syslog.rpartition(":")
    return SyslogServer(
        host=host,
        port=int(port),
        ca=settings.audit_syslog_ca,
        certificate=settings.audit_syslog_certificate,
        key=settings.audit_syslog_key,
    )


def _position(session: Session) -> int:
    """Return the number of the last entry that was sent; a shorter trail was restored, and goes on at its end."""
    head, sent = session.get(AuditHead, 1), read_fact(session, _SENT)
    return min(int(sent), head.entries if head else 0) if sent else 0


def _note_sent(session: Session, last: int) -> None:
    save_fact(session, _SENT, str(last))
