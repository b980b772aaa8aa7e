from __future__ import annotations

from typing import TYPE_CHECKING

from flask import g

from lungwise.access import NOBODY
from lungwise.webkit.current_person import person

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def test_a_tokens_person_comes_before_the_account_that_is_signed_in(app: Lungwise) -> None:
    with app.test_request_context("/"):
        g.person = NOBODY
        assert person() is NOBODY


def test_the_account_that_is_signed_in_acts(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrolled, acting = enrol(app, "Ada"), list[object]()
    ada = visit(app)
    ada.sign_in("ada@example.org")
    app.before_request_funcs[None].append(lambda: acting.append(person()))
    ada.get("/studies")
    assert acting == [enrolled]
