"""The bearer token for a FHIR server: from a file, or from an authorization server (RFC 6749, 4.4)."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any
from urllib.parse import quote, urlencode

from lungwise.outgoing.exchange import Answer, Exchange
from lungwise.reports.outgoing import NotSentError
from lungwise.settings import Settings

_MOST = 64 << 10
"""Bytes of an authorization server's answer."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,8192}")
_EARLY_SECONDS = 30.0
"""How long before its end a token is no longer used."""


class BearerToken:
    """Gives the token that the settings name; one that was asked for is kept until it ends.

    Without either there is none.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._exchange = Exchange(settings.fhir_token_url, settings.report_tls_ca)
        self._kept, self._until = "", 0.0

    def headers(self) -> dict[str, str]:
        """Return the header of a request.

        Raises
        ------
        NotSentError
            If there is no token to be had.
        """
        token = self._token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def forget(self) -> None:
        """Ask for another next time: this one is not accepted."""
        self._kept = ""

    def _token(self) -> str:
        if self._settings.fhir_token_file:
            return self._read()
        if not self._settings.fhir_token_url:
            return ""
        if not self._kept or time.monotonic() > self._until:
            self._kept, seconds = self._asked()
            self._until = time.monotonic() + max(seconds - _EARLY_SECONDS, 0.0)
        return self._kept

    def _read(self) -> str:
        try:
            token = str(self._settings.fhir_token_file and self._settings.fhir_token_file.read_text("ascii")).strip()
        except (OSError, ValueError) as error:
            raise NotSentError(f"the file of its token cannot be read ({type(error).__name__})", away=True) from error
        if not _TOKEN.fullmatch(token):
            raise NotSentError("the file of its token holds none", away=True)
        return token

    def _asked(self) -> tuple[str, float]:
        settings = self._settings
        names = (settings.fhir_client_id, settings.fhir_client_secret.get_secret_value())
        client = base64.b64encode(":".join(quote(name, safe="") for name in names).encode()).decode()
        scope = {"scope": settings.fhir_scope} if settings.fhir_scope else {}
        body = urlencode({"grant_type": "client_credentials", **scope}).encode()
        headers = {"Authorization": f"Basic {client}", "Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = self._exchange.post(body, {**headers, "Accept": "application/json"}, _MOST)
        except NotSentError as error:
            raise NotSentError(f"no token: of the authorization server, {error}", away=True) from error
        return _token_of(answer)


def _token_of(answer: Answer) -> tuple[str, float]:
    """Return a token, and for how many seconds it holds."""
    said = json_object(answer) if answer.is_success else {}
    token, seconds = said.get("access_token"), said.get("expires_in", 0)
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise NotSentError(f"the authorization server gives no token ({answer.sentence})", away=True)
    return token, float(seconds) if isinstance(seconds, (int, float)) else 0.0


def json_object(answer: Answer) -> dict[str, Any]:
    """Return the object that an answer holds; an empty one where it holds none."""
    try:
        found = json.loads(answer.body or b"")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
