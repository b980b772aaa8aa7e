"""An upgrade can be undone: what the database was before it is kept, and put back row by row."""

from __future__ import annotations

import io
import tarfile
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, inspect, text

from lungwise.patients.service import PatientFacts
from lungwise.settings.checks import new_key_text
from lungwise.store import Base, Database
from lungwise.store.keys import MissingKeyError
from lungwise.store.manifest import BackupError
from lungwise.store.migrations import newer_schema, upgrade
from lungwise.store.migrations.steps import apply_steps, is_current, schema_of
from lungwise.store.way_back import (
    KEPT,
    begun_from,
    copies,
    copy_before_upgrade,
    go_back,
    keep_copy,
    upgrade_with_copy,
)
from lungwise.studies.models import ReadingRecord
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from conftest import Services
    from lungwise.settings import Settings

BEFORE = "0031"


def as_copied(_session: Session) -> None:
    """Change nothing of what is put back."""


def rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row as the driver gives it."""
    with database.engine.connect() as connection:
        names = inspect(connection).get_table_names()
        return {name: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))] for name in names}


def test_every_row_is_put_back_as_it_was(either_services: Services, film: Callable[..., bytes]) -> None:
    services = either_services
    ada = services.person()
    facts = PatientFacts(identifier="7", name="Béla Bartók सुनीता")
    study = services.studies.open(ada, facts, [("a", film(1)), ("b", film(2, 8))])
    services.read_all()
    services.studies.conclude(ada, study.key, Conclusion(agrees=True, note="line\nline"))
    services.session.commit()
    with closing(Database(services.settings)) as database:
        before = rows(database)
        copy = keep_copy(database, services.settings)
        assert copy is not None
        assert copy.stat().st_mode & 0o77 == 0
        with database.writing() as session:
            session.execute(delete(ReadingRecord))
            session.execute(text("UPDATE users SET name = 'Eve'"))
        assert rows(database) != before
        there = rows(database)
        done = go_back(database, services.settings, copy, as_copied)
        assert done.schema == before["alembic_version"][0][0]
        assert rows(database) == before
        assert done.present is not None
        go_back(database, services.settings, done.present, as_copied)
        assert rows(database) == there
        go_back(database, services.settings, copy, as_copied)
        with database.writing() as session:  # and rows that follow get numbers of their own
            assert session.query(Base.metadata.tables["users"]).count() == 1
            assert b"Bart" not in copy.read_bytes()


def test_an_upgrade_keeps_what_was_and_goes_back_to_it(either: Settings) -> None:
    with closing(Database(either)) as database:
        assert keep_copy(database, either) is None  # there is nothing yet
        upgrade(database.engine, BEFORE)
        with database.engine.begin() as connection:
            connection.execute(text("INSERT INTO clinics (name, created_at) VALUES ('Hill', '2026-03-02 09:00:00')"))
        tables = set(rows(database))
        copy = upgrade_with_copy(database, either)
        assert copy is not None and BEFORE in copy.name
        assert is_current(database.engine)
        assert set(rows(database)) > tables
        assert upgrade_with_copy(database, either) is None
        assert copies(either) == [copy]
        assert go_back(database, either, copy, as_copied).schema == BEFORE
        with database.engine.connect() as connection:
            assert schema_of(connection) == BEFORE
            assert connection.execute(text("SELECT name FROM clinics")).scalars().all() == ["Hill"]
        assert set(rows(database)) == tables
        upgrade_with_copy(database, either)
        assert is_current(database.engine)


def test_an_upgrade_that_fails_again_and_again_keeps_the_copy_from_before_it(
    either: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: Connection) -> None:
        apply_steps(connection, "0033")  # which MariaDB keeps, and SQLite takes back
        connection.exec_driver_sql("UPDATE clinics SET name = 'half upgraded'")
        raise OSError("The server is switched off")

    with closing(Database(either)) as database:
        upgrade(database.engine, BEFORE)
        with database.engine.begin() as connection:
            connection.execute(text("INSERT INTO clinics (name, created_at) VALUES ('Hill', '2026-03-02 09:00:00')"))
        with monkeypatch.context() as patch:
            patch.setattr("lungwise.store.way_back.apply_steps", fail)
            for _ in range(KEPT + 2):
                with pytest.raises(OSError, match="switched off"):
                    upgrade_with_copy(database, either)
        (first,) = copies(either)
        present = keep_copy(database, either)
        assert copies(either) == [present, first]
        assert begun_from(either) == first
        assert upgrade_with_copy(database, either) == first
        assert begun_from(either) is None
        assert go_back(database, either, first, as_copied).schema == BEFORE
        with database.engine.connect() as connection:
            assert connection.execute(text("SELECT name FROM clinics")).scalars().all() == ["Hill"]
        assert upgrade_with_copy(database, either) not in (present, first)


def test_some_copies_stay_and_a_wrong_one_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Database(settings)) as database:
        upgrade(database.engine, BEFORE)
        for _ in range(KEPT + 1):
            keep_copy(database, settings)
        kept = copies(settings)
        upgrade_with_copy(database, settings)
        assert len(copies(settings)) == KEPT
        assert copies(settings)[1:] == kept[: KEPT - 1]
        whole, present = copies(settings)[0], set(copies(settings))
        changed = add_row(whole)
        with pytest.raises(BackupError, match="was changed"):
            go_back(database, settings, changed, as_copied)
        changed.write_bytes(b"nothing")
        with pytest.raises(BackupError, match=r"is not a copy that an upgrade made\.$"):
            go_back(database, settings, changed, as_copied)
        changed.unlink()
        with monkeypatch.context() as patch:
            patch.setattr("lungwise.store.way_back.is_known", lambda schema: schema != BEFORE)
            with pytest.raises(BackupError, match="A later release"):
                go_back(database, settings, whole, as_copied)
        database.keys.path.write_text(new_key_text())
        with pytest.raises(MissingKeyError, match="is missing"):
            go_back(database, settings, whole, as_copied)
        assert is_current(database.engine)
        assert set(copies(settings)) == present  # of a file that is refused nothing stays behind
        assert begun_from(settings) is None


def test_without_a_name_the_copy_of_an_upgrade_is_taken_and_never_one_of_a_way_back(settings: Settings) -> None:
    with closing(Database(settings)) as database:
        upgrade(database.engine, BEFORE)
        assert copy_before_upgrade(database, settings) is None
        copy = upgrade_with_copy(database, settings)
        assert copy is not None
        keep_copy(database, settings)  # as go-back kept one in earlier releases
        assert copy_before_upgrade(database, settings) == copy
        upgraded = go_back(database, settings, copy, as_copied).present
        assert upgraded is not None
        assert copy_before_upgrade(database, settings) is None
        go_back(database, settings, upgraded, as_copied)
        assert copy_before_upgrade(database, settings) == copy


def add_row(copy: Path) -> Path:
    """Return a copy whose accounts somebody has added to."""
    changed = copy.with_name("changed.tar")
    with tarfile.open(copy) as old, tarfile.open(changed, "w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            data = file.read() + (
                b"[]\n" if member.name.startswith("key_record") or member.name == "copy.json" else b""
            )
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    return changed


def test_a_schema_of_a_later_release_is_recognised(either: Settings, migrate: Callable[[Settings], None]) -> None:
    migrate(either)
    with closing(Database(either)) as database:
        assert newer_schema(database.engine) == ""
        with database.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert newer_schema(database.engine) == "9999"
