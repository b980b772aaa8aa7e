"""Reads the films of every clinic into memory when a server starts, so that the first page need not wait for it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.film_table import tables_of
from lungwise.monitoring.local_films import model_in_use_of
from lungwise.store.start_up_task import StartUpTask
from lungwise.studies.models import ReferenceResult, Study


class FilmTableReader(StartUpTask):
    """Reads the film tables of those clinics that have test results, for only they have a use."""

    name = "film table reader"
    failure = "The films cannot be read now; the first page on local accuracy reads them."

    def run(self) -> int:
        """Read the films of every such clinic in the calling thread, and return of how many clinics."""
        with self._database.reading() as session:
            clinics = _clinics(session)
            for clinic_id, model in clinics:
                if self._stopping.is_set():
                    break
                tables_of(session).of(session, clinic_id, model)
        return len(clinics)


def _clinics(session: Session) -> list[tuple[int, Model]]:
    tested = select(Study.clinic_id).join(ReferenceResult, ReferenceResult.study_id == Study.id).distinct()
    found = [(clinic_id, model_in_use_of(session, clinic_id)) for clinic_id in session.scalars(tested).all()]
    return [(clinic_id, model) for clinic_id, model in found if model]
