from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from lungwise.accounts.tokens import Tokens
from lungwise.webkit.idempotency import Idempotency
from lungwise.webkit.problems import Refused

if TYPE_CHECKING:
    from conftest import Rooms


def token_of(rooms: Rooms, name: str = "Ada") -> int:
    return Tokens(rooms.session, rooms.clock, rooms.audit).add(rooms.person(name), "script", [], 30)[0].id


def test_a_key_gives_what_came_of_the_request_before(either_rooms: Rooms) -> None:
    keys, token = Idempotency(either_rooms.session, either_rooms.clock), token_of(either_rooms)
    assert keys.earlier(token, "one", "a" * 64) is None
    keys.keep(token, "one", "a" * 64, "study")
    assert keys.earlier(token, "one", "a" * 64) == "study"


def test_a_key_with_another_request_is_refused(rooms: Rooms) -> None:
    keys, token = Idempotency(rooms.session, rooms.clock), token_of(rooms)
    keys.keep(token, "one", "a" * 64, "study")
    with pytest.raises(Refused) as no:
        keys.earlier(token, "one", "b" * 64)
    assert no.value.status == 409


def test_a_key_is_each_tokens_own(rooms: Rooms) -> None:
    keys = Idempotency(rooms.session, rooms.clock)
    keys.keep(token_of(rooms), "one", "a" * 64, "study")
    assert keys.earlier(token_of(rooms, "Bob"), "one", "b" * 64) is None


def test_a_key_that_another_request_kept_meanwhile_cannot_be_kept(rooms: Rooms) -> None:
    keys, token = Idempotency(rooms.session, rooms.clock), token_of(rooms)
    keys.keep(token, "one", "a" * 64, "study")
    with pytest.raises(IntegrityError):
        keys.keep(token, "one", "a" * 64, "another")


def test_a_key_is_forgotten_after_a_day(rooms: Rooms) -> None:
    keys, token = Idempotency(rooms.session, rooms.clock), token_of(rooms)
    keys.keep(token, "one", "a" * 64, "study")
    rooms.clock.forward(days=1, seconds=1)
    assert keys.earlier(token, "one", "b" * 64) is None
    keys.keep(token, "one", "b" * 64, "another")
    assert keys.earlier(token, "one", "b" * 64) == "another"
