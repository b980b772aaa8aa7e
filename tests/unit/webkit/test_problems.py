from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.webkit import health

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
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
