"""Reads the films of every clinic into memory when a server starts, so that the first page need not wait for it."""

from __future__ import annotations

import logging
import threading

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.film_table import tables_of
from lungwise.monitoring.local_films import newest_model_of
from lungwise.store import Database, EncryptionError
from lungwise.studies.models import ReferenceResult, Study

_log = logging.getLogger("lungwise.monitoring")


class FilmTableReader:
    """Reads the film tables in the background: of those clinics that have test results, for only they have a use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="film table reader", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the clinic in hand."""
        self._stopping.set()
        self._thread.join(15)

    def _work(self) -> None:
        try:
            self.read_all()
        except (SQLAlchemyError, EncryptionError):
            _log.exception("The films cannot be read now; the first page on local accuracy reads them.")

    def read_all(self) -> None:
        """Read the films of every such clinic in the calling thread."""
        with self._database.reading() as session:
            for clinic_id, model in _clinics(session):
                if self._stopping.is_set():
                    return
                tables_of(session).of(session, clinic_id, model)


def _clinics(session: Session) -> list[tuple[int, Model]]:
    tested = select(Study.clinic_id).join(ReferenceResult, ReferenceResult.study_id == Study.id).distinct()
    found = [(clinic_id, newest_model_of(session, clinic_id)) for clinic_id in session.scalars(tested).all()]
    return [(clinic_id, model) for clinic_id, model in found if model]
