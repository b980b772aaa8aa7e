from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise


def test_nobody_gets_in_without_a_token(app: Lungwise) -> None:
    answer = app.test_client(use_cookies=False).get("/api/v1/studies")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_every_response_says_the_tokens_rate(program: Any) -> None:
    answer = program.ask("GET", "/studies")
    assert {"RateLimit", "RateLimit-Policy"} <= set(answer.headers.keys())


def test_only_films_may_be_large(program: Any) -> None:
    assert program.ask("POST", "/studies/search", json={"text": "a" * 100_000}).status_code == 413
    assert program.ask("POST", "/studies", data="films", content_type="text/plain").status_code == 415
