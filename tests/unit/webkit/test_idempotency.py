from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from lungwise.accounts.tokens import Tokens
from lungwise.api.service_requests import MOST_REQUESTS
from lungwise.webkit.idempotency import Idempotency
from lungwise.webkit.problems import Refused

if TYPE_CHECKING:
    from conftest import Services


def token_of(services: Services, name: str = "Ada") -> int:
    return Tokens(services.session, services.clock, services.audit).add(services.person(name), "script", [], 30)[0].id


def test_a_key_gives_what_came_of_the_request_before(either_services: Services) -> None:
    keys, token = Idempotency(either_services.session, either_services.clock), token_of(either_services)
    assert keys.earlier(token, "one", "a" * 64) is None
    keys.keep(token, "one", "a" * 64, "study")
    assert keys.earlier(token, "one", "a" * 64) == "study"


def test_what_came_of_a_request_may_be_as_many_things_as_a_request_asks_for(either_services: Services) -> None:
    keys, token = Idempotency(either_services.session, either_services.clock), token_of(either_services)
    result = json.dumps([("0" * 20, False)] * MOST_REQUESTS)
    keys.keep(token, "one", "a" * 64, result)
    assert keys.earlier(token, "one", "a" * 64) == result


def test_a_key_with_another_request_is_refused(services: Services) -> None:
    keys, token = Idempotency(services.session, services.clock), token_of(services)
    keys.keep(token, "one", "a" * 64, "study")
    with pytest.raises(Refused) as no:
        keys.earlier(token, "one", "b" * 64)
    assert no.value.status == 409


def test_a_key_is_each_tokens_own(services: Services) -> None:
    keys = Idempotency(services.session, services.clock)
    keys.keep(token_of(services), "one", "a" * 64, "study")
    assert keys.earlier(token_of(services, "Bob"), "one", "b" * 64) is None


def test_a_key_that_another_request_kept_meanwhile_cannot_be_kept(services: Services) -> None:
    keys, token = Idempotency(services.session, services.clock), token_of(services)
    keys.keep(token, "one", "a" * 64, "study")
    with pytest.raises(IntegrityError):
        keys.keep(token, "one", "a" * 64, "another")


def test_a_key_is_forgotten_after_a_day(services: Services) -> None:
    keys, token = Idempotency(services.session, services.clock), token_of(services)
    keys.keep(token, "one", "a" * 64, "study")
    services.clock.forward(days=1, seconds=1)
    assert keys.earlier(token, "one", "b" * 64) is None
    keys.keep(token, "one", "b" * 64, "another")
    assert keys.earlier(token, "one", "b" * 64) == "another"
