from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from lungwise.store import Base, Database
from lungwise.store.migrations import is_current, upgrade

if TYPE_CHECKING:
    from lungwise.settings import Settings


def test_the_steps_lead_from_an_empty_database_to_the_models(either: Settings) -> None:
    database = Database(either)
    assert not is_current(database.engine)
    upgrade(database.engine)
    assert is_current(database.engine)
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    database.close()
    assert differences == []


def test_upgrading_again_changes_nothing(settings: Settings) -> None:
    database = Database(settings)
    upgrade(database.engine)
    upgrade(database.engine)
    assert is_current(database.engine)
    database.close()


def test_the_studies_of_an_earlier_release_are_given_their_weeks(either: Settings) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    sunday = "2026-03-01 23:59:59.000000"
    with database.engine.begin() as connection:
        connection.execute(text("INSERT INTO clinics (id, name, created_at) VALUES (1, 'Hill', :at)"), {"at": sunday})
        person = "(1, 'u', 1, 'a@example.org', 'Ada', 'doctor', 1, :at, 'x', 'y')"
        columns = "id, `key`, clinic_id, email, name, role, active, created_at, password, fs_uniquifier"
        connection.execute(text(f"INSERT INTO users ({columns}) VALUES {person}"), {"at": sunday})
        columns = "id, `key`, clinic_id, identifier, name, sex, created_at"
        connection.execute(
            text(f"INSERT INTO patients ({columns}) VALUES (1, 'p', 1, '7', '', '', :at)"), {"at": sunday}
        )
        columns = "id, `key`, clinic_id, patient_id, author_id, created_at, unread, standing, probability"
        study = "(1, 's', 1, 1, 1, :at, 1, 'positive', 0.9)"
        connection.execute(text(f"INSERT INTO studies ({columns}) VALUES {study}"), {"at": sunday})
    upgrade(database.engine)
    with database.engine.connect() as connection:
        assert str(connection.scalar(text("SELECT week FROM studies"))) == "2026-02-23"
    database.close()
