from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from flask import abort
from sqlalchemy import func, select

from lungwise.clinics.models import Clinic
from lungwise.store import utc_now
from lungwise.webkit import transactions

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lungwise.web_app import Lungwise


def add_clinic(session: Session) -> None:
    session.add(Clinic(name="Hill", created_at=utc_now()))


def clinics(app: Lungwise) -> int:
    with app.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Clinic)) or 0


@pytest.fixture
def page(app: Lungwise) -> Lungwise:
    """Add a page that adds a clinic, and fails if it is told to."""

    def view(status: int) -> str:
        add_clinic(transactions.request_session())
        transactions.after_response(lambda session: session.query(Clinic).update({"name": "Valley"}))
        return "done" if status == 200 else cast(str, abort(status))

    app.add_url_rule("/test/<int:status>", "healthy", view, methods=["GET", "POST"])
    app.config["WTF_CSRF_ENABLED"] = False
    app.before_request_funcs[None] = [
        one for one in app.before_request_funcs[None] if one.__name__ in ("begin", "_begin")
    ]
    return app


@pytest.mark.parametrize(("status", "kept"), [(200, 1), (400, 0), (404, 0), (500, 0)])
def test_what_a_request_did_is_kept_only_if_it_succeeded(status: int, kept: int, page: Lungwise) -> None:
    assert page.test_client().post(f"/test/{status}").status_code == status
    assert clinics(page) == kept


def test_what_follows_a_response_is_done_in_a_transaction_of_its_own(page: Lungwise) -> None:
    page.test_client().post("/test/200")
    with page.database.reading() as session:
        assert session.scalars(select(Clinic.name)).all() == ["Valley"]


def test_files_have_no_session(app: Lungwise) -> None:
    with app.test_request_context("/static/style.css"):
        app.preprocess_request()
        assert not transactions.has_session()
