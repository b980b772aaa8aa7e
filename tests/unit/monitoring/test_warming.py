from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import synthetic
from lungwise.monitoring.film_table import tables_of
from lungwise.monitoring.models_in_use import current_model
from lungwise.monitoring.warming import FilmTableReader
from lungwise.store import Database
from lungwise.time_zones import in_utc

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.settings import Settings

MODEL = current_model()


def test_the_films_of_clinics_with_results_are_read_at_the_start(services: Services, settings: Settings) -> None:
    ada, eve = services.person("Ada"), services.person("Eve", "Valley")
    for person in (ada, eve):
        synthetic.fill(services.session, person, 20, services.clock(), to_a_patient=1)
        synthetic.read(services.session, person, MODEL)
    synthetic.enter_results(services.session, ada, 1)
    database = Database(settings)
    reader = FilmTableReader(database, lambda _session: in_utc)
    reader.start()
    reader._thread.join(60)
    reader.stop()
    with database.reading() as session:
        tables = tables_of(session)
        assert {clinic for clinic, _model in tables._clinics} == {ada.clinic_id}
        assert len(tables.of(session, ada.clinic_id, MODEL, UTC).film) == 20
    database.close()
