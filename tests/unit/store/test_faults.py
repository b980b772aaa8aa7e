from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from lungwise.clinics.models import Clinic
from lungwise.errors import Conflict, Full, Rejected, Unavailable
from lungwise.store import CollisionError, Database, Fault, answer_of, fault_of, retried, utc_now
from servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from lungwise.settings import Settings


def fault_in(engine: Engine, *statements: str) -> Fault:
    """Say what the error of some statements means."""
    with closing(engine.connect()) as connection, pytest.raises(DBAPIError) as raised:
        for statement in statements:
            connection.exec_driver_sql(statement)
    return fault_of(raised.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "db.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)")
    return file


@pytest.fixture
def sqlite(file: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": 0.01})
    yield engine
    engine.dispose()


def test_sqlites_errors_are_told_apart(sqlite: Engine, file: Path) -> None:
    again = "INSERT INTO t (a) VALUES (1)"
    assert fault_in(sqlite, again, again) is Fault.COLLISION
    assert fault_in(sqlite, "SELECT * FROM nowhere") is Fault.SCHEMA
    assert fault_in(sqlite, "SELECT * FRM t") is Fault.UNKNOWN
    assert fault_in(sqlite, "SELECT zeroblob(9999999999)") is Fault.TOO_LARGE
    assert fault_in(sqlite, "PRAGMA query_only=1", again) is Fault.READ_ONLY
    assert fault_in(
        sqlite, "PRAGMA query_only=0", "PRAGMA max_page_count=1", "INSERT INTO t VALUES (2, zeroblob(99999))"
    ) is (Fault.FULL)
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert fault_in(sqlite, "BEGIN IMMEDIATE") is Fault.BUSY
    sqlite.dispose()
    file.write_bytes(b"no database at all" * 99)
    assert fault_in(sqlite, "SELECT * FROM t") is Fault.DAMAGED
    engine = create_engine(f"sqlite:///{file.parent / 'nowhere' / 'db.sqlite'}")
    with pytest.raises(OperationalError) as raised:
        engine.connect()
    assert fault_of(raised.value) is Fault.UNREACHABLE


def test_mariadbs_errors_are_told_apart(mariadb_url: str) -> None:
    engine = create_engine(mariadb_url)
    with closing(engine.connect()) as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR(3), c INTEGER UNIQUE)")
        connection.exec_driver_sql("INSERT INTO t (a) VALUES (1), (2)")
        connection.commit()
    assert fault_in(engine, "INSERT INTO t (a) VALUES (1)") is Fault.COLLISION
    assert fault_in(engine, "SELECT * FROM nowhere") is fault_in(engine, "SELECT nothing FROM t") is Fault.SCHEMA
    assert fault_in(engine, "SELECT * FRM t") is Fault.UNKNOWN
    assert fault_in(engine, "INSERT INTO t (a, b) VALUES (3, 'long')") is Fault.TOO_LARGE
    assert fault_in(engine, "INSERT INTO t (a) VALUES (99999999999)") is Fault.TOO_LARGE
    assert fault_in(engine, "SET TRANSACTION READ ONLY", "INSERT INTO t (a) VALUES (3)") is Fault.READ_ONLY
    assert fault_in(engine, "KILL CONNECTION_ID()", "SELECT 1") is Fault.UNREACHABLE
    with closing(engine.connect()) as other:
        other.exec_driver_sql("UPDATE t SET b = 'x' WHERE a = 1")
        waits = "SET innodb_lock_wait_timeout = 1"
        assert fault_in(engine, waits, "UPDATE t SET b = 'y' WHERE a = 1") is Fault.BUSY
    for wrong, fault in (
        (engine.url.set(password="wrong"), Fault.REFUSED),
        (engine.url.set(database="nowhere"), Fault.REFUSED),
        (engine.url.set(port=free_port()), Fault.UNREACHABLE),
    ):
        with pytest.raises(OperationalError) as raised:
            create_engine(wrong).connect()
        assert fault_of(raised.value) is fault
    engine.dispose()


def test_every_fault_that_is_not_the_programs_has_a_sentence(file: Path) -> None:
    kinds = {Fault.COLLISION: Conflict, Fault.FULL: Full, Fault.TOO_LARGE: Rejected}
    for error, fault in ((CollisionError("x"), Fault.COLLISION), (_full(file), Fault.FULL)):
        assert fault_of(error) is fault
        assert isinstance(answer_of(error), kinds[fault])
    assert answer_of(KeyError("x")) is None
    assert answer_of(SQLAlchemyError("x")) is None
    assert isinstance(answer_of(_unreachable()), Unavailable)


def _full(file: Path) -> DBAPIError:
    with closing(create_engine(f"sqlite:///{file}").connect()) as connection, pytest.raises(DBAPIError) as raised:
        connection.exec_driver_sql("PRAGMA max_page_count=1")
        connection.exec_driver_sql("INSERT INTO t VALUES (2, zeroblob(99999))")
    return raised.value


def _unreachable() -> DBAPIError:
    engine = create_engine(f"mysql+pymysql://lungwise@127.0.0.1:{free_port()}/x")
    with pytest.raises(DBAPIError) as raised:
        engine.connect()
    return raised.value


def failing(times: int, error: Exception) -> tuple[Callable[[], str], list[int]]:
    tries: list[int] = []

    def attempt() -> str:
        tries.append(1)
        if len(tries) <= times:
            raise error
        return "done"

    return attempt, tries


def test_a_collision_is_tried_again_a_few_times() -> None:
    attempt, tries = failing(3, CollisionError("x"))
    assert (retried(attempt), len(tries)) == ("done", 4)
    attempt, tries = failing(1000, CollisionError("x"))
    with pytest.raises(CollisionError):
        retried(attempt)
    assert len(tries) < 20


def test_what_is_no_collision_is_not_tried_again(file: Path) -> None:
    for error in (_full(file), KeyError("x"), Rejected("x")):
        attempt, tries = failing(1, error)
        with pytest.raises(type(error)):
            retried(attempt)
        assert len(tries) == 1


def test_two_transactions_that_lock_crosswise_both_succeed(
    mariadb_url: str, settings: Settings, migrate: Callable[[Settings], None]
) -> None:
    """MariaDB rolls one of them back; it is done anew, on the other's result."""
    settings = settings.model_copy(update={"database_url": mariadb_url})
    migrate(settings)
    with closing(Database(settings)) as database, ThreadPoolExecutor(2) as both:
        with database.writing() as session:
            session.add_all(Clinic(name=name, created_at=utc_now()) for name in ("A", "B"))
        together, begun = Barrier(2), list[int]()

        def rename(first: int, second: int) -> None:
            def action(session: Session) -> None:
                session.execute(text("UPDATE clinics SET name = CONCAT(name, '+') WHERE id = :id"), {"id": first})
                begun.append(first)
                if len(begun) <= 2:
                    together.wait(60)
                session.execute(text("UPDATE clinics SET name = CONCAT(name, '+') WHERE id = :id"), {"id": second})

            database.transact(action)

        for done in [both.submit(rename, 1, 2), both.submit(rename, 2, 1)]:
            done.result()
        with database.reading() as session:
            assert sorted(session.scalars(text("SELECT name FROM clinics"))) == ["A++", "B++"]
    assert len(begun) == 3


def test_a_requests_session_takes_sqlites_write_lock_with_its_first_write(
    settings: Settings, migrate: Callable[[Settings], None]
) -> None:
    migrate(settings)
    with closing(Database(settings)) as database, database.request_session() as reader:
        assert reader.query(Clinic).all() == []
        with database.writing() as session:  # waits for nobody
            session.add(Clinic(name="A", created_at=utc_now()))
        assert reader.query(Clinic).all() == []  # one moment, until it writes
        reader.add(Clinic(name="B", created_at=utc_now()))
        reader.flush()
        assert {clinic.name for clinic in reader.query(Clinic)} == {"A", "B"}
        reader.commit()
