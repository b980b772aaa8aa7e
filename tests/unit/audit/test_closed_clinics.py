from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from lungwise.access import Role
from lungwise.accounts.models import User
from lungwise.accounts.passwords import Passwords
from lungwise.audit.closed_clinics import CLOSED, close_clinic, is_closed, open_clinic
from lungwise.studies.models import Opinion

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

SENTENCE = CLOSED.partition(":")[0]
NEW = "seven blue boats sail"


@pytest.fixture
def admin(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> Visitor:
    """Give an administrator who is signed in at a clinic that is closed; Bob is one of its doctors."""
    clinic = enrol(app, "Ada", role=Role.ADMINISTRATOR).clinic_id
    enrol(app, "Bob")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.post("/accounts", email="rita@example.org", role="doctor")
    with app.database.writing() as session:
        close_clinic(session, clinic, "now")
    return ada


def does_to_bob(admin: Visitor, action: str, **fields: Any) -> int:
    """Press a button beside Bob's name."""
    address = re.findall(rf"/accounts/\w+/{action}\b", admin.get("/accounts").text)[0]
    return admin.post(address, page="/accounts", **fields).status_code


def test_pages_of_a_closed_clinic_say_so_and_take_nothing(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    clinic = enrol(app, "Ada", role=Role.ADMINISTRATOR).clinic_id
    enrol(app, "Eve", "Lake")
    ada, eve = visit(app), visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1), name="Béla", identifier="7")
    with app.database.writing() as session:
        close_clinic(session, clinic, "now")
    assert SENTENCE in ada.get("/studies").text
    assert ada.get(study).status_code == 200
    answer = ada.post(f"{study}/opinions", page=study, conclusion="COVID-19")
    assert SENTENCE in answer.text
    with app.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Opinion)) == 0
    eve.sign_in("eve@example.org")
    assert SENTENCE not in eve.get("/studies").text
    assert eve.upload(film(2), name="Clara", identifier="8").startswith("/studies/")
    with app.database.writing() as session:
        open_clinic(session, clinic)
        assert not is_closed(session, clinic)
    assert SENTENCE not in ada.get("/studies").text


def test_somebody_is_shut_out_of_a_closed_clinic(app: Lungwise, admin: Visitor, visit: Callable[..., Visitor]) -> None:
    bob = visit(app)
    bob.sign_in("bob@example.org")
    assert does_to_bob(admin, "role", role="health_worker") == 302
    assert "Health worker" in bob.get("/profile").text
    assert does_to_bob(admin, "disable") == 302
    assert bob.get("/studies").headers["Location"] == "/sign-in"
    assert bob.sign_in("bob@example.org").status_code == 200
    assert does_to_bob(admin, "enable") == 302
    assert bob.sign_in("bob@example.org").status_code == 302
    assert does_to_bob(admin, "delete", sure="y") == 302
    assert bob.get("/studies").headers["Location"] == "/sign-in"
    invitation = re.findall(r"/accounts/invitations/\w+/take-back", admin.get("/accounts").text)[0]
    assert admin.post(invitation, page="/accounts").status_code == 302
    trail = admin.get("/audit").text
    for action in ("changed role", "disabled", "enabled", "deleted", "withdrew an invitation"):
        assert action in trail


def test_who_forgot_a_password_reads_in_a_closed_clinic_again(
    app: Lungwise, settings: Settings, admin: Visitor, visit: Callable[..., Visitor]
) -> None:
    page = admin.post(re.findall(r"/accounts/\w+/recovery-link", admin.get("/accounts").text)[0], page="/accounts").text
    link = re.findall(r"http://localhost(/password/forgotten/[\w.\-]+)", page)[0]
    bob = visit(app)
    assert bob.post(link, password=NEW, password_confirm=NEW).headers["Location"] == "/sign-in"
    assert bob.sign_in("bob@example.org", NEW).status_code == 302
    assert bob.get("/studies").status_code == 200


def test_a_weak_password_is_changed_in_a_closed_clinic(
    app: Lungwise, settings: Settings, admin: Visitor, visit: Callable[..., Visitor]
) -> None:
    weak = "football2024"
    with app.database.writing() as session:
        session.query(User).filter_by(name="Bob").one().password = Passwords(settings).hash(weak)
    bob = visit(app)
    bob.sign_in("bob@example.org", weak)
    assert bob.get("/studies").headers["Location"] == "/password"
    changed = bob.post("/password", password=weak, new_password=NEW, new_password_confirm=NEW)
    assert changed.headers["Location"] == "/profile"
    assert bob.get("/studies").status_code == 200


def test_nobody_is_added_to_a_closed_clinic_and_no_stranger_asks_who_has_an_account(
    app: Lungwise, admin: Visitor, enrol: Callable[..., Person], visit: Callable[..., Visitor]
) -> None:
    stranger, lake = visit(app), enrol(app, "Eve", "Lake").clinic_id
    page = stranger.get("/register").text
    assert re.findall(r"<option[^>]*>([^<]+)", page.partition("<main")[2]) == ["Lake"]
    fields: dict[str, Any] = {"name": "Xavier Yellow", "password": NEW, "again": NEW, "clinic": lake}
    answers = [
        stranger.post("/register", email=f"{name}@example.org", **fields).text for name in ("bob", "eve", "nobody")
    ]
    assert len({re.sub('value="[^"]*"', "", answer) for answer in answers}) == 1
    assert "Thank you" in answers[0]
    assert "tried to register again" in admin.get("/audit").text
