from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, select, text
from sqlalchemy import table as named
from sqlalchemy.sql import column

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


def test_what_the_release_before_kept_is_there_after_the_upgrade(either: Settings) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    now = datetime(2026, 3, 2, 9, 0)
    rows: dict[str, dict[str, object]] = {
        "clinics": {"id": 1, "name": "Hill", "created_at": now},
        "users": {
            "id": 1, "key": "u", "clinic_id": 1, "email": "a@b", "name": "A", "role": "doctor", "active": True,
            "created_at": now, "password": "", "fs_uniquifier": "x",
        },
        "patients": {"id": 1, "key": "p", "clinic_id": 1, "identifier": "P", "name": "", "sex": "", "created_at": now},
        "studies": {
            "id": 1, "key": "s", "clinic_id": 1, "patient_id": 1, "author_id": 1, "created_at": now, "unread": True,
            "standing": "waiting", "probability": 0.0,
        },
        "films": {"id": 1, "key": "f", "study_id": 1, "sha256": "0", "kind": "JPEG", "size": 1, "created_at": now},
    }  # fmt: skip
    with database.engine.execution_options(lungwise_writes=True).begin() as connection:
        for name, row in rows.items():
            connection.execute(insert(named(name, *map(column, row))).values(row))
    upgrade(database.engine)
    with database.engine.connect() as connection:
        for name, row in rows.items():
            assert connection.execute(select(column("id")).select_from(named(name))).scalars().all() == [row["id"]]
        if not either.database_url:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
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
