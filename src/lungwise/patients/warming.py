"""Reads the names of every clinic into memory when a server starts, so that the first search need not wait for it."""

from __future__ import annotations

import logging
import threading

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from lungwise.patients.models import Patient
from lungwise.patients.name_index import index_of
from lungwise.store import Database, EncryptionError

_log = logging.getLogger("lungwise.patients")


class NameReader:
    """Reads names in the background, with pauses in which pages are answered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="name reader", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the names in hand."""
        self._stopping.set()
        self._thread.join(15)

    def _work(self) -> None:
        try:
            self.read_all()
        except (SQLAlchemyError, EncryptionError):
            _log.exception("The names cannot be read now; the first search reads them.")

    def read_all(self) -> None:
        """Read the names of every clinic in the calling thread."""
        with self._database.reading() as session:
            for clinic_id in session.scalars(select(Patient.clinic_id).distinct()).all():
                index_of(session).warm(session, clinic_id, self._stopping)
