"""The pages for signing in: what they take for a guess, what they say, and to whom they speak."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from flask_security.recoverable import generate_reset_link
from sqlalchemy import func, select

from conftest import open_app, token_of
from lungwise.access import Role
from lungwise.accounts.models import SignInFailures
from lungwise.audit.models import AuditEntry
from processes import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

ADA = "ada@example.org"
TOO_MANY = "Too many attempts"
WRONG = "Wrong e-mail address or password"


@pytest.fixture
def behind(
    settings: Settings, clock: Clock, migrate: Callable[[Settings], None]
) -> Iterator[Callable[[int], Lungwise]]:
    """Give what opens the application behind so many proxies."""
    opened: list[Iterator[Lungwise]] = []
    migrate(settings)

    def start(proxies: int) -> Lungwise:
        opened.append(open_app(settings.model_copy(update={"proxies": proxies}), clock))
        return next(opened[-1])

    yield start
    for app in opened:
        next(app, None)


def counts(app: Lungwise) -> list[int]:
    with app.database.reading() as session:
        return sorted(session.scalars(select(SignInFailures.count)))


def actions(app: Lungwise, action: str) -> int:
    with app.database.reading() as session:
        return session.scalar(select(func.count()).where(AuditEntry.action == action)) or 0


def lock(visitor: Visitor, spellings: tuple[str, ...] = (ADA,)) -> None:
    for number in range(5):
        assert WRONG in visitor.sign_in(spellings[number % len(spellings)], "a wrong one").text


def test_all_spellings_of_an_address_are_one_account(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    spellings = ("ada@example。org", "ada@exaⓜple.org", "ADA@Example.ORG", "  ada@example.org ", "ada@\uff45xample.org")
    for spelling in spellings:
        visitor = visit(app)
        assert visitor.sign_in(spelling).status_code == 302
        visitor.post("/sign-out", page="/profile")
    lock(visit(app), spellings)
    assert actions(app, "failed to sign in") == 5
    for spelling in spellings:
        assert TOO_MANY in visit(app).sign_in(spelling).text


BAD = ("https://evil.example/", "//evil.example", "http://[", "http://localhost:x/", "\\\\x")


@pytest.mark.parametrize("place", ["form", "address", "JSON"])
def test_a_bad_address_to_go_on_to_is_no_failed_sign_in(
    place: str, app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    for bad in BAD:
        ada = visit(app)
        fields = {"email": ADA, "password": PASSWORD} | ({} if place == "address" else {"next": bad})
        headers = {"X-CSRFToken": token_of(ada.get("/sign-in").text)}
        query = {"next": bad} if place == "address" else {}
        given: dict[str, Any] = {"json": fields} if place == "JSON" else {"data": fields}
        answer = ada.client.post("/sign-in", query_string=query, headers=headers, **given)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/studies"), bad
    assert counts(app) == [0]
    assert actions(app, "failed to sign in") == 0


def test_a_password_chosen_anew_ends_the_lock_of_its_account_and_of_nothing_else(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    lock(visit(app))
    assert "or choose a new password" in visit(app).sign_in(ADA).text
    with app.test_request_context():
        user = app.extensions["security"].datastore.find_user(email=ADA)
        link, _token = generate_reset_link(user)  # type: ignore[no-untyped-call]
    new = "eleven blue herons land"
    assert visit(app).post(link, password=new, password_confirm=new).status_code == 302
    assert visit(app).sign_in(ADA, new).status_code == 302


def test_a_locked_network_is_told_to_wait_alone(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    for number in range(30):
        visit(app).sign_in(f"nobody{number}@example.org")
    page = visit(app).sign_in(ADA).text
    assert "Too many attempts from your network" in page
    assert "reset your password" not in page
    assert visit(app, "10.0.0.7").sign_in(ADA).status_code == 302


def test_the_audit_page_says_how_many_guesses_a_lock_refused(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], clock: Clock
) -> None:
    enrol(app, "Ada")
    enrol(app, "Bob", role=Role.ADMINISTRATOR)
    bob = visit(app)
    bob.sign_in("bob@example.org")
    lock(visit(app))
    for _ in range(4):
        visit(app).sign_in(ADA)
    assert "tried while locked: account (1 time)" in bob.get("/audit").text
    clock.forward(seconds=61)
    assert "tried while locked: account (3 times)" in bob.get("/audit").text
    assert ",tried while locked,account," in bob.get("/audit.csv").text


@pytest.mark.parametrize("page", ["/password", "/verify"])
def test_who_sits_at_a_signed_in_browser_does_not_guess_its_password(
    page: str, app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    thief = visit(app)
    thief.sign_in(ADA)
    new: dict[str, Any] = {"new_password": "eleven blue herons land", "new_password_confirm": "eleven blue herons land"}
    found = [thief.post(page, password="a wrong one", **new).text for _ in range(8)]
    assert [TOO_MANY in answer for answer in found] == [False] * 5 + [True] * 3
    assert TOO_MANY in thief.post(page, password=PASSWORD, **new).text
    assert actions(app, "failed to confirm password") == 5
    assert actions(app, "tried while locked") == 1
    assert visit(app).sign_in(ADA).status_code == 302  # who has no session is locked out of nothing


def test_a_weak_new_password_is_no_wrong_present_one(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in(ADA)
    for new in ("short", PASSWORD):
        given: dict[str, Any] = {"password": PASSWORD, "new_password": new, "new_password_confirm": new}
        assert not [TOO_MANY for _ in range(6) if TOO_MANY in ada.post("/password", **given).text]
    assert actions(app, "failed to confirm password") == 0


def test_the_set_up_code_is_not_guessed(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    asked: dict[str, Any] = {
        "name": "Ada",
        "clinic_name": "Hill",
        "email": ADA,
        "password": PASSWORD,
        "again": PASSWORD,
    }
    found = [visit(app).post("/welcome", code="guess", **asked).text for _ in range(7)]
    assert [TOO_MANY in page for page in found] == [False] * 5 + [True] * 2
    assert counts(app) == [5, 7]


def test_the_pages_for_signing_in_speak_to_people_alone(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("security.") and "static" not in rule.endpoint
    ]
    assert len(rules) > 12
    for signed_in, rule, manner in product((False, True), rules, ("json", "data")):
        visitor = visit(app)
        if signed_in:
            visitor.sign_in(ADA)
        token = token_of(visitor.get("/profile" if signed_in else "/sign-in").text)
        headers = {"X-CSRFToken": token, "Accept": "application/json"}
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            path = re.sub(r"<[^>]+>", "token", rule.rule)
            sent: dict[str, Any] = {manner: {"code": "1"}}
            answer = visitor.client.open(path, method=method, headers=headers, **sent)
            assert answer.status_code < 500, (method, rule)
            assert answer.mimetype != "application/json", (method, rule)


@pytest.mark.parametrize(
    "body", ["[1]", '"text"', "{", '{"email": {"a": 1}}', '{"email": ["a"], "password": 7}', "[" * 20_000]
)
def test_a_body_that_is_no_form_is_refused(body: str, app: Lungwise, visit: Callable[..., Visitor]) -> None:
    visitor = visit(app)
    headers = {"X-CSRFToken": token_of(visitor.get("/sign-in").text)}
    answer = visitor.client.post("/sign-in", data=body, content_type="application/json", headers=headers)
    assert answer.status_code == 400


FORGERIES = (
    "203.0.113.{0}",
    '"203.0.113.{0}',
    "203.0.113.{0}, 203.0.113.{0}, 203.0.113.{0}",
    "203.0.113.{0}:{0}",
    "not an address {0}",
)


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_who_forges_where_they_come_from_gains_nothing(
    proxies: int, behind: Callable[[int], Lungwise], visit: Callable[..., Visitor]
) -> None:
    app = behind(proxies)
    added = ["198.51.100.7", "10.0.0.1", "10.0.0.2"][: proxies + 1]
    visitor = visit(app, added[-1])
    headers = {"X-CSRFToken": token_of(visitor.get("/sign-in").text)}
    for number in range(35):
        headers["X-Forwarded-For"] = ", ".join([FORGERIES[number % 5].format(number), *added[:-1]])
        guess = {"email": f"nobody{number}@example.org", "password": "a wrong one"}
        page = visitor.client.post("/sign-in", data=guess, headers=headers).text
        assert (TOO_MANY in page) == (number >= 30), number
