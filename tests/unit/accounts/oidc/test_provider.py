from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lungwise.accounts.oidc.errors import NotVouchedForError, ProviderError
from lungwise.accounts.oidc.flow import Flow, Purpose
from lungwise.accounts.oidc.provider import Provider
from oidc_forger import KEY, Forger, forger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Clock
    from lungwise.settings import Settings


@pytest.fixture
def liar(clock: Clock) -> Iterator[Forger]:
    with forger(clock) as liar:
        yield liar


@pytest.fixture
def provider(liar: Forger, settings: Settings, clock: Clock) -> Provider:
    return Provider(liar.settings(settings), clock)


def answer(provider: Provider, liar: Forger, clock: Clock) -> object:
    flow = Flow.begin({}, Purpose.SIGN_IN, "", clock())
    return provider.answered(flow, {"code": flow.nonce})


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://evil.example.org"},
        {"token_endpoint": ""},
        {"token_endpoint": "http://evil.example.org/token"},
        {"jwks_uri": ["http://127.0.0.1/"]},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://id.example.org@evil.example.org/"},
    ],
)
def test_metadata_of_another_or_in_clear_is_none(wrong: dict[str, Any], provider: Provider, liar: Forger) -> None:
    liar.metadata = wrong
    with pytest.raises(ProviderError):
        provider.metadata()


def test_addresses_and_keys_are_fetched_once_an_hour(provider: Provider, liar: Forger, clock: Clock) -> None:
    for _ in range(3):
        answer(provider, liar, clock)
    assert [path for path in liar.asked if path != "/token"] == ["/.well-known/openid-configuration", "/keys"]
    clock.forward(hours=2)
    liar.metadata = {"token_endpoint": ""}  # what was known holds meanwhile
    answer(provider, liar, clock)
    assert liar.asked.count("/keys") == 2


def test_an_unknown_key_has_the_keys_fetched_again_and_not_for_each(
    provider: Provider, liar: Forger, clock: Clock
) -> None:
    liar.keys = {"keys": []}
    for _ in range(3):
        with pytest.raises(NotVouchedForError):
            answer(provider, liar, clock)
    assert liar.asked.count("/keys") == 1
    liar.keys = {"keys": [None, {"kty": "RSA"}, {"kty": "oct", "k": "AAAA"}, KEY.as_dict(private=False)]}
    clock.forward(seconds=11)
    answer(provider, liar, clock)


def test_a_crowd_of_keys_is_refused(provider: Provider, liar: Forger, clock: Clock) -> None:
    liar.keys = {"keys": [{}] * 51}
    with pytest.raises(ProviderError, match="too large"):
        answer(provider, liar, clock)


def test_an_answer_says_whose_it_is_where_the_provider_promises_that(
    provider: Provider, liar: Forger, clock: Clock
) -> None:
    liar.metadata = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(NotVouchedForError, match="another provider's"):
        answer(provider, liar, clock)


def test_a_way_is_taken_once_by_its_own_state(clock: Clock) -> None:
    session: dict[str, Any] = {}
    flow = Flow.begin(session, Purpose.LINK, "/studies", clock())
    assert Flow.take(session, "", clock()) is None
    assert Flow.take(session, flow.state + "ñ", clock()) is None
    assert Flow.take(session, flow.state, clock()) == flow
    assert Flow.take(session, flow.state, clock()) is None
    assert replace(flow, then="") != flow
