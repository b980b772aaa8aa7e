from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

import pytest
from sqlalchemy.exc import OperationalError

from lungwise.store import postponed
from lungwise.store.postponed import Postponed

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SESSION = cast("Session", None)
asks: ContextVar[str] = ContextVar("asks", default="nobody")


class LockedError(Exception):
    """SQLite's own error, of a code."""

    def __init__(self, code: int) -> None:
        super().__init__("locked")
        self.sqlite_errorcode = code


class Store:
    """Takes what is written, or refuses it while it is locked."""

    def __init__(self) -> None:
        self.code = 0
        self.tried = threading.Event()

    def write(self, action: Callable[[Session], object]) -> None:
        self.tried.set()
        if self.code:
            raise OperationalError("BEGIN IMMEDIATE", None, LockedError(self.code))
        action(SESSION)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postponed, "_PAUSE_SECONDS", 0.01)


def test_what_can_be_written_is_written_at_once() -> None:
    done: list[str] = []
    later = Postponed(Store().write)
    later.write(lambda _session: done.append("now"))
    assert (done, len(later)) == (["now"], 0)
    later.finish()


@pytest.mark.parametrize("code", [5, 8, 11, 13, 14], ids=["busy", "read-only", "damaged", "full", "unreachable"])
def test_what_cannot_be_written_follows_in_order_and_for_whom_it_was(code: int) -> None:
    done: list[Any] = []
    written = threading.Event()
    store = Store()
    later = Postponed(store.write)
    store.code = code
    for name in ("Ada", "Ben", "Cleo"):
        asks.set(name)
        later.write(lambda _session: done.append(asks.get()))
    later.write(lambda _session: written.set())
    assert len(later) == 4
    store.code = 0
    assert written.wait(20)
    later.finish()
    assert done == ["Ada", "Ben", "Cleo"]


def test_what_is_refused_for_good_is_no_matter_of_time() -> None:
    store = Store()
    later = Postponed(store.write)
    store.code = 18  # too large
    with pytest.raises(OperationalError):
        later.write(lambda _session: None)
    assert len(later) == 0


def test_what_fails_when_its_turn_comes_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    written = threading.Event()
    store = Store()
    later = Postponed(store.write)
    store.code = 5
    later.write(lambda _session: 1 / 0)
    later.write(lambda _session: written.set())
    store.code = 0
    assert written.wait(20)
    later.finish()
    assert "cannot be written" in caplog.text


def test_too_much_is_refused_rather_than_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postponed, "MOST", 1)
    store = Store()
    later = Postponed(store.write)
    store.code = 5
    later.write(lambda _session: None)
    with pytest.raises(OperationalError):
        later.write(lambda _session: None)
    later.finish()


def test_what_is_lost_with_the_process_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    later = Postponed(store.write)
    store.code = 5
    later.write(lambda _session: None)
    with caplog.at_level(logging.ERROR):
        later.finish()
    assert "1 postponed entries were never written." in caplog.text
