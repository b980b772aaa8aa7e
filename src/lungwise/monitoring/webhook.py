"""The webhook: a signed message to the one address that the settings name. It never holds anything of a patient."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.request import HTTPSHandler, ProxyHandler

from lungwise.monitoring.models import Alarm
from lungwise.settings import Settings
from lungwise.store import Clock
from lungwise.tls import client_context

SIGNATURE = "Lungwise-Signature"
"""The header that holds when a message was signed, and its signature: `t=SECONDS,v1=HEX`."""
_SECONDS = 10
_ALARM, _TEST = "alarm", "test"


class WebhookError(Exception):
    """The message did not arrive; says why, and nothing of the address or the answer's text."""


class Webhook:
    """Sends messages to the address that is set.

    A message is signed with HMAC-SHA256 under the secret that is set, over the time in seconds, a full stop and the
    body: who receives it can tell that it is ours, that it is unchanged, and that it is not an old one sent again.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._url = settings.webhook_url
        self._secret = settings.webhook_secret.get_secret_value().encode()
        self._clock = clock
        self._opener = urllib.request.build_opener(
            ProxyHandler({}), _NoRedirect, HTTPSHandler(context=client_context(None))
        )

    def send(self, message: dict[str, Any]) -> None:
        """Send one message.

        Raises
        ------
        WebhookError
            If nobody answers, or with another status than 200 to 299; a redirect is not followed.
        """
        body = json.dumps(message, ensure_ascii=False).encode()
        signed = signature_header(self._secret, self._clock, body)
        headers = {"Content-Type": "application/json", "User-Agent": "Lungwise", SIGNATURE: signed}
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 - http(s) alone
        try:
            with self._opener.open(request, timeout=_SECONDS):
                return
        except urllib.error.HTTPError as error:
            error.close()  # it is the answer too, whose body nobody reads
            raise WebhookError(f"it answered {error.code}") from error
        except (OSError, HTTPException) as error:
            raise WebhookError(type(error).__name__) from error


def signature_header(secret: bytes, clock: Clock, body: bytes) -> str:
    """Return what a message's header says: when it was signed, and its signature."""
    seconds = int(clock().timestamp())
    return f"t={seconds},v1={signature(secret, seconds, body)}"


def signature(secret: bytes, seconds: int, body: bytes) -> str:
    """Sign a message of a moment."""
    return hmac.new(secret, b"%d." % seconds + body, hashlib.sha256).hexdigest()


def alarm_message(alarm: Alarm, clinic: str, page: str) -> dict[str, Any]:
    """Return what is said of an alarm; `id` stays the same where the message is sent again."""
    return {
        "event": _ALARM,
        "id": alarm.key,
        "clinic": clinic,
        "raised_at": alarm.created_at.isoformat(),
        "finding": alarm.finding,
        "sort": alarm.sort,
        "model": {"name": alarm.model, "version": alarm.version},
        **alarm.figures,
        "page": page,
    }


def trial_message(clock: Clock) -> dict[str, Any]:
    """Return a message that only says that messages arrive."""
    return {"event": _TEST, "sent_at": clock().isoformat()}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a message goes to the address that is set, and nowhere else."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Return that nothing is asked for instead."""
