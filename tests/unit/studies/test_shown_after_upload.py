from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from lungwise.access import Role
from lungwise.studies.models import Study

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


@pytest.fixture
def ada(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> Visitor:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    enrol(app, "Bob")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    return ada


def is_new(app: Lungwise) -> bool:
    with app.database.reading() as session:
        return session.scalars(select(Study.unread)).one()


def test_the_result_after_an_upload_is_new_until_somebody_opens_it(
    app: Lungwise, ada: Visitor, film: Callable[..., bytes]
) -> None:
    study = ada.upload(film(1))
    for _reload in range(2):
        assert "verdict waiting" not in ada.get(study).text
        assert is_new(app)
    assert 'class="new"' in ada.get("/studies").text
    ada.get(study)
    assert not is_new(app)
    assert 'class="new"' not in ada.get("/studies").text


def test_what_one_opens_is_new_to_nobody_of_the_clinic(
    app: Lungwise, ada: Visitor, visit: Callable[..., Visitor], film: Callable[..., bytes]
) -> None:
    study = ada.upload(film(1))
    ada.get(study)
    bob = visit(app)
    bob.sign_in("bob@example.org")
    assert 'class="new"' in bob.get("/studies").text
    bob.get(study)
    assert 'class="new"' not in ada.get("/studies").text


def test_a_late_answer_to_what_the_page_asked_before_the_upload_does_not_count_as_opening_it(
    app: Lungwise, ada: Visitor, film: Callable[..., bytes]
) -> None:
    before = ada.client.get_cookie("lungwise")
    assert before
    study = ada.upload(film(1))
    ada.client.set_cookie("lungwise", before.value)  # each answer has the session as its request brought it
    assert "verdict waiting" not in ada.get(study).text
    assert is_new(app)
    ada.get("/studies")
    ada.get(study)
    assert not is_new(app)
