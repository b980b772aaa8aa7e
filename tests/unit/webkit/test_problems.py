from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import request

from lungwise.clinics.models import Clinic
from lungwise.store import utc_now
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


def test_what_became_of_what_was_sent_is_said_only_where_it_is_known(
    app: Lungwise, visit: Callable[..., Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    monkeypatch.setattr("lungwise.web_app._PUBLIC", frozenset({"failing"}))

    def fail() -> str:
        if "commits" in request.args:
            with app.database.writing() as session:
                session.add(Clinic(name="Hill", created_at=utc_now()))
        raise ZeroDivisionError

    app.add_url_rule("/failing", "failing", fail, methods=["GET", "POST"])
    ada = visit(app).client
    said = "Something went wrong on our side."
    end = "If it happens again, tell your administrator the request number."
    assert f"{said} Please try again. {end}" in ada.get("/failing").text
    assert f"{said} Nothing you just sent was kept. Please try again. {end}" in ada.post("/failing").text
    unsure = f"{said} Check whether it was saved before you send it again. {end}"
    assert unsure in ada.post("/failing?commits").text
