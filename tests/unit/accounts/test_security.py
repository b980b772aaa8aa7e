from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask_security import EmailValidateException, password_changed

from lungwise.accounts.security import AddressRules, setup_code
from lungwise.errors import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

PASSWORD = "three green kites fly"


def test_the_set_up_code_is_short_and_stays_the_same(settings: Settings) -> None:
    assert len(setup_code(settings)) == 12
    assert setup_code(settings) == setup_code(settings)


def test_addresses_have_one_spelling_and_what_is_not_one_is_refused(app: Lungwise) -> None:
    rules = AddressRules(app)
    with app.test_request_context("/"):
        assert rules.normalize(" Ada@EXAMPLE.org ") == "ada@example.org"
        with pytest.raises(EmailValidateException):
            rules.normalize("ada")


def test_a_sign_in_begins_a_session_and_signing_out_ends_it(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    with ada.client.session_transaction() as session:
        cookie = dict(session)
    assert ada.get("/studies").status_code == 200
    ada.post("/sign-out", page="/studies")
    with ada.client.session_transaction() as session:
        session.update(cookie)
    assert ada.get("/studies").status_code == 302


def test_a_password_change_that_is_refused_at_its_end_keeps_nothing(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    def refuse(_app: Lungwise, **_more: object) -> None:
        raise Rejected("Not today.")

    enrol(app, "Ada")
    ada, new = visit(app), "seven blue boats sail"
    ada.sign_in("ada@example.org")
    with password_changed.connected_to(refuse, app):
        refused = ada.post("/password", password=PASSWORD, new_password=new, new_password_confirm=new)
    assert "Not today." in refused.text
    assert visit(app).sign_in("ada@example.org", new).status_code == 200
    assert visit(app).sign_in("ada@example.org").status_code == 302


def test_nothing_of_a_session_stays_in_the_browser_after_signing_out(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    with ada.client.session_transaction() as session:
        session["of Ada"] = "something"
    ada.post("/sign-out", page="/studies")
    with ada.client.session_transaction() as session:
        assert "of Ada" not in session


def test_a_factor_is_not_set_up_where_the_password_is_not_asked_for_again(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    rules = [str(rule) for rule in app.url_map.iter_rules() if rule.endpoint == "security.two_factor_setup_validate"]
    assert rules
    assert ada.post(rules[0].replace("<token>", "x"), page="/profile").status_code == 404
