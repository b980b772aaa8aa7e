from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from lungwise.clinics.models import Clinic
from lungwise.store import Database, sqlite, utc_now
from lungwise.store.sqlite import WriteQueue

if TYPE_CHECKING:
    from lungwise.settings import Settings


@pytest.fixture
def database(settings: Settings, migrate: Callable[[Settings], None]) -> Iterator[Database]:
    migrate(settings)
    with closing(Database(settings)) as database:
        yield database


def test_who_comes_first_writes_first() -> None:
    queue, order = WriteQueue(), list[int]()

    def write(number: int) -> None:
        queue.enter(number)
        order.append(number)
        queue.leave(number)

    queue.enter("the one before them")
    with ThreadPoolExecutor(6) as writers:
        for number in range(6):
            writers.submit(write, number)
            while len(queue._waiting) < number + 2:
                time.sleep(0.001)
        assert order == []
        queue.leave("the one before them")
    assert order == list(range(6))


def test_who_waits_too_long_leaves_it_to_sqlite_to_say_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "WAIT_SECONDS", 0.01)
    queue = WriteQueue()
    for name in ("first", "second", "third"):
        queue.enter(name)  # nobody leaves
    for name in ("second", "first", "third", "third"):
        queue.leave(name)
    queue.enter("fourth")


def test_a_transaction_lets_the_next_one_write_however_it_ends(database: Database) -> None:
    def add(name: str) -> None:
        with database.writing() as session:
            session.add(Clinic(name=name, created_at=utc_now()))
            session.flush()
            if name != "kept":
                raise KeyError(name)

    for name in ("raised", "raised again", "kept"):
        with suppress(KeyError):
            add(name)
    lost = database.request_session()
    lost.add(Clinic(name="lost", created_at=utc_now()))
    lost.flush()
    lost.connection().invalidate()
    lost.close()
    with database.writing() as session:
        assert [clinic.name for clinic in session.query(Clinic)] == ["kept"]


def test_many_threads_write_and_none_waits_for_another_in_vain(database: Database) -> None:
    def add(number: int) -> None:
        with database.request_session() as session:
            session.query(Clinic).all()
            session.add(Clinic(name=str(number), created_at=utc_now()))
            session.commit()

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(add, range(40)))
    with database.reading() as session:
        assert session.query(Clinic).count() == 40
