"""Sessions: behind TLS, how long they last, and what makes them end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from conftest import open_app
from lungwise.access import Role
from lungwise.settings import Registration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

PASSWORD = "three green kites fly"


@pytest.fixture
def with_settings(
    settings: Settings, clock: Clock, migrate: Callable[[Settings], None]
) -> Iterator[Callable[..., Lungwise]]:
    """Give what opens the application with other settings."""
    opened: list[Iterator[Lungwise]] = []
    migrate(settings)

    def start(**changes: object) -> Lungwise:
        opened.append(open_app(settings.model_copy(update=changes), clock))
        return next(opened[-1])

    yield start
    for app in opened:
        next(app, None)


def test_behind_tls_cookies_are_secure_and_browsers_are_told_to_stay_there(
    with_settings: Callable[..., Lungwise], visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    app = with_settings(https=True, proxies=1)
    enrol(app, "Ada")
    ada = visit(app)
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.1.2.3", "X-Forwarded-Host": "clinic.example"}
    page = ada.get("/sign-in", headers=forwarded, base_url="https://clinic.example")
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("__Host-lungwise=")
    token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)[0]
    fields = {"csrf_token": token, "email": "ada@example.org", "password": PASSWORD}
    signed = ada.client.post("/sign-in", data=fields, headers=forwarded, base_url="https://clinic.example")
    assert signed.status_code == 302
    for set_cookie in [cookie, *signed.headers.getlist("Set-Cookie")]:
        assert set_cookie.startswith("__Host-lungwise=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(set_cookie.split("; "))
        assert "Domain" not in set_cookie


def test_without_tls_no_browser_is_sent_where_nobody_answers(
    with_settings: Callable[..., Lungwise], visit: Callable[..., Visitor]
) -> None:
    assert "Strict-Transport-Security" not in visit(with_settings()).get("/sign-in").headers


def test_a_session_lasts_as_long_as_it_is_used_and_no_longer(
    with_settings: Callable[..., Lungwise], visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    app = with_settings(session_idle_minutes=1)
    enrol(app, "Ada")
    ada = visit(app)
    signed = ada.sign_in("ada@example.org")
    expires = re.findall(r"Expires=([^;]+)", signed.headers["Set-Cookie"])[0]
    left = datetime.strptime(expires, "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=UTC) - datetime.now(UTC)
    assert 30 < left.total_seconds() <= 61
    again = ada.get("/studies")
    assert "Expires=" in again.headers["Set-Cookie"]  # each request begins the minute anew
    app.permanent_session_lifetime = timedelta(seconds=-1)  # as if the minute were over
    assert ada.get("/studies").headers["Location"] == "/sign-in"


def test_a_session_from_before_signing_in_is_not_the_one_afterwards(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    ada, thief = visit(app), visit(app)
    ada.get("/sign-in")
    planted = ada.client.get_cookie("lungwise")
    assert planted is not None
    thief.client.set_cookie("lungwise", planted.value)
    ada.sign_in("ada@example.org")
    assert thief.get("/studies").headers["Location"] == "/sign-in"
    with ada.client.session_transaction() as session:
        kept = session.get("csrf_token")
    with thief.client.session_transaction() as session:
        assert session.get("csrf_token") != kept


def test_where_a_second_factor_is_required_nobody_works_without(
    with_settings: Callable[..., Lungwise],
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    authenticator: Callable[[str], str],
) -> None:
    app = with_settings(second_factor=True)
    enrol(app, "Ada")
    ada = visit(app)
    page = ada.post("/sign-in", follow=True, email="ada@example.org", password=PASSWORD).text
    assert ada.get("/studies").status_code == 302
    if "Key: <code>" not in page:
        page = ada.post("/second-factor", setup="authenticator").text
    secret = re.findall(r"Key: <code>([^<]+)", page)[0].replace("-", "")
    target = re.findall(r'action="(/second-factor[^"]*)"', page)[0]
    ada.post(target, page="/second-factor", code=authenticator(secret))
    assert ada.get("/studies").status_code == 200


@pytest.mark.parametrize(
    ("policy", "status", "says"),
    [
        ("open", 200, "you can sign in now"),
        ("approved", 200, "is now waiting for your clinic"),
        ("invitation", 404, ""),
    ],
)
def test_who_may_open_an_account_is_a_setting(
    policy: str,
    status: int,
    says: str,
    with_settings: Callable[..., Lungwise],
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
) -> None:
    app = with_settings(registration=Registration(policy))
    clinic = enrol(app, "Ada", role=Role.ADMINISTRATOR).clinic_id
    asked: dict[str, Any] = {
        "name": "Bob",
        "email": "bob@example.org",
        "password": PASSWORD,
        "again": PASSWORD,
        "clinic": clinic,
    }
    answer = visit(app).post("/register", page="/sign-in", **asked)
    assert answer.status_code == status
    assert says in answer.text
    assert visit(app).sign_in("bob@example.org").status_code == (302 if policy == "open" else 200)
