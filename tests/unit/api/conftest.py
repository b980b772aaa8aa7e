"""A program that speaks to the API."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import TestResponse

from lungwise.accounts.tokens import Scope, Tokens
from lungwise.api.app import PREFIX
from lungwise.audit.service import AuditTrail

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


class Program:
    """A program with a token."""

    def __init__(self, app: Lungwise, token: str) -> None:
        self._client = app.test_client(use_cookies=False)
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
        """Send a request."""
        return self._client.open(PREFIX + path, method=method, headers=self._headers | (headers or {}), **more)

    def get(self, path: str) -> Any:
        """Return the JSON of an address."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json

    def upload(self, *films: bytes, headers: dict[str, str] | None = None, **fields: str) -> Any:
        """Upload films, wait for their readings, and return the study."""
        parts: dict[str, Any] = {"films": [(io.BytesIO(film), "film") for film in films], **fields}
        answer = self.ask("POST", "/studies?wait=30", headers, data=parts)
        assert answer.status_code == 201, answer.text
        return answer.json


@pytest.fixture
def program(app: Lungwise, enrol: Callable[..., Person], clock: Clock) -> Program:
    """Give a doctor's program, which may do everything."""
    person = enrol(app, "Ada")
    with app.database.writing() as session:
        tokens = Tokens(session, clock, AuditTrail(session, clock))
        return Program(app, tokens.add(person, "script", tuple(Scope), 30)[1])
