"""Reads the names of every clinic into memory when a server starts, so that the first search need not wait for it."""

from __future__ import annotations

from sqlalchemy import select

from lungwise.patients.models import Patient
from lungwise.patients.name_index import index_of
from lungwise.store.start_up_task import StartUpTask


class NameReader(StartUpTask):
    """Reads names, with pauses in which pages are answered."""

    name = "name reader"
    failure = "The names cannot be read now; the first search reads them."

    def run(self) -> int:
        """Read the names of every clinic in the calling thread, and return of how many clinics."""
        with self._database.reading() as session:
            clinics = session.scalars(select(Patient.clinic_id).distinct()).all()
            for clinic_id in clinics:
                index_of(session).warm(session, clinic_id, self._stopping)
        return len(clinics)
