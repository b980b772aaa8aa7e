from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from lungwise.accounts.models import Failures
from lungwise.accounts.throttle import Throttle

if TYPE_CHECKING:
    from conftest import Rooms


def test_an_account_is_locked_after_five_failures_and_open_again_after_a_while(rooms: Rooms) -> None:
    throttle = Throttle(rooms.session, rooms.clock, rooms.settings)
    for number in range(5):
        assert not throttle.locked("ada@example.org", f"10.0.0.{number}")
        throttle.failed("ada@example.org", f"10.0.0.{number}")
    assert throttle.locked("Ada@Example.org ", "10.0.0.9")
    assert not throttle.locked("eve@example.org", "10.0.0.9")
    rooms.clock.forward(minutes=16)
    assert not throttle.locked("ada@example.org", "10.0.0.9")


def test_an_address_is_locked_that_tries_many_accounts(rooms: Rooms) -> None:
    throttle = Throttle(rooms.session, rooms.clock, rooms.settings)
    for number in range(30):
        throttle.failed(f"nobody{number}@example.org", "10.0.0.1")
    assert throttle.locked("ada@example.org", "10.0.0.1")
    assert not throttle.locked("ada@example.org", "10.0.0.2")


def test_a_success_forgets_the_account_but_not_the_address(rooms: Rooms) -> None:
    throttle = Throttle(rooms.session, rooms.clock, rooms.settings)
    for _ in range(29):
        throttle.failed("ada@example.org", "10.0.0.1")
        throttle.succeeded("ada@example.org")
    assert not throttle.locked("ada@example.org", "10.0.0.1")
    throttle.failed("eve@example.org", "10.0.0.1")
    assert throttle.locked("ada@example.org", "10.0.0.1")


def test_the_table_names_nobody(rooms: Rooms) -> None:
    Throttle(rooms.session, rooms.clock, rooms.settings).failed("ada@example.org", "10.0.0.1")
    names = list(rooms.session.scalars(select(Failures.name)))
    assert len(names) == 2
    assert all(len(name) == 64 for name in names)
