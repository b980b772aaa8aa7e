"""Reads the films of every clinic into memory when a server starts, so that the first page need not wait for it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.film_table import tables_of
from lungwise.monitoring.local_films import model_in_use_of
from lungwise.store import Database
from lungwise.store.start_up_task import StartUpTask
from lungwise.studies.models import ReferenceResult, Study
from lungwise.time_zones import ZoneOf


class FilmTableReader(StartUpTask):
    """Reads the film tables of those clinics that have test results, for only they have a use."""

    name = "film table reader"
    failure = "The films cannot be read now; the first page on local accuracy reads them."

    def __init__(self, database: Database, zones_over: Callable[[Session], ZoneOf]) -> None:
        super().__init__(database)
        self._zones_over = zones_over

    def run(self) -> int:
        """Read the films of every such clinic in the calling thread, and return of how many clinics."""
        with self._database.reading() as session:
            clinics, zone_of = _clinics(session), self._zones_over(session)
            for clinic_id, model in clinics:
                if self._stopping.is_set():
                    break
                tables_of(session).of(session, clinic_id, model, zone_of(clinic_id))
        return len(clinics)


def _clinics(session: Session) -> list[tuple[int, Model]]:
    tested = select(Study.clinic_id).join(ReferenceResult, ReferenceResult.study_id == Study.id).distinct()
    found = [(clinic_id, model_in_use_of(session, clinic_id)) for clinic_id in session.scalars(tested).all()]
    return [(clinic_id, model) for clinic_id, model in found if model]
