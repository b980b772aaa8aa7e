from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.webkit import health

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

NAME = "Béla Bartók"


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_what_nobody_foresaw_is_a_sentence_and_its_words_stay_here(
    accept: str,
    app: Lungwise,
    visit: Callable[..., Visitor],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_database: object) -> None:
        raise ZeroDivisionError(NAME)

    monkeypatch.setattr(health, "_queue", fail)
    answer = visit(app).get("/readyz", headers={"Accept": accept})
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert answer.headers["X-Request-ID"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not [word for word in (NAME, "ZeroDivisionError", "Traceback", ".py") if word in answer.text]
    assert any(record.exc_info for record in caplog.records)


def test_an_error_page_is_headed_by_what_went_wrong_and_gives_the_request_s_number(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    missing = ada.get("/studies/none")
    assert "<h1>Page not found</h1>" in missing.text
    assert f"Request number: {missing.headers['X-Request-ID']}" in missing.text
    expired = ada.client.post("/profile", data={"name": "Ada", "csrf_token": "old"})
    assert "<h1>This page has expired</h1>" in expired.text
