from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr, ValidationError

from listener import Listener, listener
from lungwise.monitoring.webhook import SIGNATURE, Webhook, WebhookError, signature, trial_message
from lungwise.settings import Settings
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Clock

SECRET = "a secret that nobody guesses"


@pytest.fixture
def heard() -> Iterator[Listener]:
    with listener() as found:
        yield found


def webhook(settings: Settings, heard: Listener, clock: Clock) -> Webhook:
    return Webhook(heard.set_up(settings, SECRET), clock)


def test_a_message_is_signed_over_its_time_and_its_body(settings: Settings, heard: Listener, clock: Clock) -> None:
    webhook(settings, heard, clock).send(trial_message(clock))
    ((headers, body),) = heard.messages
    seconds = int(clock().timestamp())
    assert headers[SIGNATURE] == f"t={seconds},v1={signature(SECRET.encode(), seconds, body)}"
    assert signature(SECRET.encode(), seconds + 1, body) not in headers[SIGNATURE]
    assert signature(b"another", seconds, body) not in headers[SIGNATURE]
    assert json.loads(body) == {"event": "test", "sent_at": "2026-03-02T09:00:00+00:00"}
    assert SECRET not in str(headers.items())


@pytest.mark.parametrize(("status", "said"), [(500, "it answered 500"), (302, "it answered 302")])
def test_a_message_that_is_not_taken_is_an_error_and_no_redirect_is_followed(
    status: int, said: str, settings: Settings, heard: Listener, clock: Clock
) -> None:
    heard.status = status
    with pytest.raises(WebhookError, match=said):
        webhook(settings, heard, clock).send({})
    assert len(heard.messages) == 1


def test_no_proxy_is_asked(settings: Settings, heard: Listener, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    webhook(settings, heard, clock).send({})
    assert len(heard.messages) == 1


def test_where_nobody_listens_the_error_names_no_address(settings: Settings, heard: Listener, clock: Clock) -> None:
    hook = webhook(settings, heard, clock)
    heard.server_close()
    with pytest.raises(WebhookError) as error:
        hook.send({})
    assert "127.0.0.1" not in str(error.value)


@pytest.mark.parametrize("url", ["ftp://example.org/", "https://user:word@example.org/", "example.org", "https://a b"])
def test_the_address_is_one_of_http(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(webhook_url=url, webhook_secret=SecretStr(SECRET))


def test_an_address_needs_a_secret_that_is_not_short() -> None:
    with pytest.raises(ValidationError, match="webhook_url needs webhook_secret"):
        Settings(webhook_url="https://example.org/alarms")
    with pytest.raises(ValidationError, match="too short"):
        Settings(webhook_url="https://example.org/alarms", webhook_secret=SecretStr("short"))
