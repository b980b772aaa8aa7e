from __future__ import annotations

from contextlib import closing

import pytest
from sqlalchemy import inspect, text

from lungwise.settings import Settings
from lungwise.store import Database
from lungwise.store.migrations import is_current, upgrade


def test_a_database_is_current_after_its_last_step_alone(either: Settings) -> None:
    with closing(Database(either)) as database:
        assert not is_current(database.engine)
        upgrade(database.engine, "0001")
        assert not is_current(database.engine)
        upgrade(database.engine)
        upgrade(database.engine)
        assert is_current(database.engine)


def test_sqlite_keeps_foreign_keys_on_afterwards_and_no_old_pages_in_its_log(settings: Settings) -> None:
    with closing(Database(settings)) as database:
        upgrade(database.engine)
        with database.engine.connect() as connection:
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert (settings.data_folder / "lungwise.sqlite-wal").stat().st_size == 0


def test_a_step_that_fails_is_undone(settings: Settings) -> None:
    with closing(Database(settings)) as database:
        upgrade(database.engine, "0001")
        with database.engine.begin() as connection:
            connection.execute(text("CREATE TABLE acceptances (id INTEGER)"))
        with pytest.raises(Exception, match="acceptances"):
            upgrade(database.engine, "0002")
        assert "dispatches" not in inspect(database.engine).get_table_names()
        assert "node" not in {column["name"] for column in inspect(database.engine).get_columns("studies")}
