from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import Flask

from lungwise.webkit import csp

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.web_app import Lungwise


def test_every_answer_says_what_a_page_may_load(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    for path in ("/sign-in", "/nothing", "/static/style.css", "/healthz"):
        headers = visit(app).get(path).headers
        assert {name: headers[name] for name in csp.HEADERS} == csp.HEADERS, path


def test_only_files_are_kept_by_browsers(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    assert "immutable" in visit(app).get("/static/style.css").headers["Cache-Control"]
    assert visit(app).get("/sign-in").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("https", [True, False])
def test_only_behind_https_browsers_are_told_to_stay_there(https: bool) -> None:
    app = Flask(__name__)
    csp.init_app(app, https=https)
    app.add_url_rule("/", view_func=lambda: "page")
    assert ("Strict-Transport-Security" in app.test_client().get("/").headers) is https


def test_what_a_program_gets_is_a_file_to_a_browser() -> None:
    app = Flask(__name__)
    csp.answer_with_attachments(app)
    app.add_url_rule("/json", "json", view_func=lambda: {"a": 1})
    app.add_url_rule("/page", "page", view_func=lambda: "page")
    assert app.test_client().get("/json").headers["Content-Disposition"] == 'attachment; filename="api.json"'
    assert "Content-Disposition" not in app.test_client().get("/page").headers
