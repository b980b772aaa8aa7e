"""What changes an account asks for the password or a code anew, is told of, and ends what the old one opened."""

from __future__ import annotations

import json
import re
import time
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from flask_login.utils import encode_cookie

from conftest import open_app
from lungwise.access import Role
from lungwise.accounts.models import Mail, User
from lungwise.accounts.notices import NOTICES
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.actions import Action
from lungwise.audit.service import AuditTrail
from lungwise.store import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

PASSWORD, NEW = "three green kites fly", "seven blue boats sail"


@pytest.fixture
def ada(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> Visitor:
    """Give an administrator who is signed in."""
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    visitor = visit(app)
    visitor.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux) Firefox/140.0"
    visitor.sign_in("ada@example.org")
    return visitor


def grow_stale(visitor: Visitor) -> None:
    """Let the quarter of an hour pass."""
    with visitor.client.session_transaction() as session:
        session["fs_paa"] = time.time() - 15 * 60 - 1


def change_password(visitor: Visitor, **more: Any) -> None:
    visitor.post("/password", password=PASSWORD, new_password=NEW, new_password_confirm=NEW, **more)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/second-factor", {"setup": "authenticator"}),
        ("/second-factor", {"setup": "disable"}),
        ("/second-factor/recovery-codes", {}),
        ("/profile/tokens", {"name": "script", "days": "30"}),
        ("/accounts/tokens", {"name": "archive", "days": "30"}),
        ("/profile", {"name": "Rosa", "language": ""}),
    ],
)
def test_after_a_quarter_of_an_hour_a_change_asks_for_the_password(
    path: str, fields: dict[str, Any], ada: Visitor
) -> None:
    grow_stale(ada)
    asked = ada.post(path, page="/profile", **fields)
    once_more = asked.headers["Location"]
    assert once_more.startswith("/verify?next=")
    assert "lw_" not in asked.text
    assert ada.post(once_more, password="not the password").status_code == 200
    assert ada.post(path, page="/profile", **fields).headers["Location"] == once_more
    assert ada.post(once_more, password=PASSWORD).headers["Location"].endswith(path)
    done = ada.post(path, page="/profile", **fields)
    assert not done.headers.get("Location", "").startswith("/verify")
    assert "failed to confirm password" in ada.get("/audit").text


def test_what_is_done_meanwhile_makes_nobody_fresher(ada: Visitor) -> None:
    assert ada.get("/second-factor").status_code == 200
    grow_stale(ada)
    assert ada.get("/second-factor").status_code == 302
    assert "Enter your password" in ada.get("/profile/tokens").text


def test_a_code_serves_as_well_as_the_password(ada: Visitor, authenticator: Callable[..., str]) -> None:
    key = re.findall(r"Key: <code>([^<]+)", ada.post("/second-factor", setup="authenticator").text)[0].replace("-", "")
    ada.post("/second-factor", code=authenticator(key, -1))
    grow_stale(ada)
    assert ada.post("/verify?next=/profile", code="000000").status_code == 200
    assert ada.get("/second-factor").status_code == 302
    assert ada.post("/verify?next=/profile", code=authenticator(key, 1)).headers["Location"].endswith("/profile")
    assert ada.get("/second-factor").status_code == 200


def test_changing_the_password_asks_for_the_present_one(ada: Visitor) -> None:
    for wrong in ("", "not the password"):
        ada.post("/password", password=wrong, new_password=NEW, new_password_confirm=NEW)
    assert "password was changed" not in ada.get("/profile").text


def test_a_changed_password_ends_other_sessions_and_tokens(
    ada: Visitor, app: Lungwise, visit: Callable[..., Visitor]
) -> None:
    other = visit(app)
    other.sign_in("ada@example.org")
    own, machine = _tokens(app)
    change_password(ada)
    page = ada.get("/profile").text
    assert "Your password was changed" in page
    assert page.count("this session") == page.count("last seen") == 1
    assert other.get("/studies").status_code == 302
    assert _opens(app, machine), "the clinic's machines go on"
    assert not _opens(app, own)


def test_each_change_is_told_by_mail(
    settings: Settings,
    clock: Clock,
    migrate: Callable[[Settings], None],
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    authenticator: Callable[..., str],
) -> None:
    migrate(settings)
    opened = open_app(settings.model_copy(update={"smtp_host": "127.0.0.1"}), clock)
    app = next(opened)
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    told = ["changed second factor", "made recovery codes", "made token", "changed password"]
    told += ["took name", "used a code twice", "removed second factor"]

    key = re.findall(r"Key: <code>([^<]+)", ada.post("/second-factor", setup="authenticator").text)[0].replace("-", "")
    code = authenticator(key)
    ada.post("/second-factor", code=code)
    ada.post("/second-factor/recovery-codes")
    ada.post("/profile/tokens", name="script", days="30")
    change_password(ada)
    ada.post("/profile", name="Ada Lovelace", language="")
    ada.post("/verify?next=/profile", code=code)
    ada.post("/second-factor", setup="disable")

    with app.database.reading() as session:
        letters = [json.loads(mail.content) for mail in session.query(Mail).order_by(Mail.id)]
    assert [letter["text"].split(" If that was not you")[0] for letter in letters] == [
        NOTICES[Action(action)] for action in told
    ]
    assert {letter["to"] for letter in letters} == {"ada@example.org"}
    assert all(NOTICES[Action(action)] in unescape(ada.get("/profile").text) for action in told)
    next(opened, None)


def test_tokens_are_kept_on_purpose(ada: Visitor, app: Lungwise) -> None:
    own, machine = _tokens(app)
    change_password(ada, keep_tokens="1")
    assert _opens(app, own)
    assert _opens(app, machine)


def test_a_password_chosen_anew_by_a_link_ends_sessions_and_tokens(
    ada: Visitor, app: Lungwise, visit: Callable[..., Visitor]
) -> None:
    from flask_security.recoverable import generate_reset_password_token

    own, _machine = _tokens(app)
    with app.database.reading() as session, app.app_context():
        token = generate_reset_password_token(session.query(User).one())  # type: ignore[no-untyped-call]
    visit(app).post(f"/password/forgotten/{token}", password=NEW, password_confirm=NEW)
    assert ada.get("/studies").status_code == 302
    assert not _opens(app, own)
    ada.sign_in("ada@example.org", NEW)
    assert "chosen through a link" in ada.get("/profile").text


def test_the_profile_lists_sessions_and_ends_each(
    ada: Visitor, app: Lungwise, visit: Callable[..., Visitor], clock: Clock
) -> None:
    others = [visit(app) for _ in range(3)]
    for other in others:
        other.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (iPhone) Version/18 Safari/604"
        other.sign_in("ada@example.org")
        clock.forward(seconds=1)
    page = ada.get("/profile").text
    assert (page.count("Firefox · Linux"), page.count("Safari · iPhone")) == (1, 3)
    ends = re.findall(r'action="(/profile/sessions/\w{20}/end)"', page)
    assert len(ends) == 3, "this session is ended by signing out"
    ada.post(ends[0], page="/profile")
    assert [other.get("/studies").status_code for other in others] == [200, 200, 302]
    others[0].post("/sign-out", page="/studies")
    assert [other.get("/studies").status_code for other in others] == [302, 200, 302], "signing out ends one session"
    ada.post("/profile/sessions/end-others", page="/profile")
    assert [other.get("/studies").status_code for other in others] == [302] * 3
    assert ada.get("/studies").status_code == 200


def test_ending_sessions_asks_for_the_password_after_a_quarter_of_an_hour(
    ada: Visitor, app: Lungwise, visit: Callable[..., Visitor]
) -> None:
    other = visit(app)
    other.sign_in("ada@example.org")
    end = re.findall(r'action="(/profile/sessions/\w{20}/end)"', ada.get("/profile").text)[0]
    grow_stale(ada)
    for path in (end, "/profile/sessions/end-others"):
        assert ada.post(path, page="/profile").headers["Location"] == "/verify?next=/profile"
    assert other.get("/studies").status_code == 200


@pytest.mark.parametrize("action", ["recovery-link", "second-factor", "role", "disable", "enable", "approve", "delete"])
def test_administering_accounts_asks_for_the_password_after_a_quarter_of_an_hour(
    action: str, ada: Visitor, app: Lungwise, enrol: Callable[..., Person], visit: Callable[..., Visitor]
) -> None:
    enrol(app, "Bob")
    bob = visit(app)
    bob.sign_in("bob@example.org")
    (path,) = {_account_path(one) for one in re.findall(r'action="(/accounts/\w+/\S+)"', ada.get("/accounts").text)}
    grow_stale(ada)
    answer = ada.post(f"{path}/{action}", page="/profile", role="administrator", sure="y")
    assert answer.headers["Location"] == "/verify?next=/accounts"
    assert "/password/forgotten" not in answer.text
    assert bob.get("/accounts").status_code == 404
    page = ada.get("/accounts").text
    assert "bob@example.org" in page
    assert path not in page
    ada.post("/verify?next=/accounts", password=PASSWORD)
    assert path in ada.get("/accounts").text


def test_inviting_asks_for_the_password_after_a_quarter_of_an_hour(ada: Visitor) -> None:
    grow_stale(ada)
    answer = ada.post("/accounts", page="/profile", email="eve@example.org", role="administrator")
    assert answer.headers["Location"] == "/verify?next=/accounts"
    assert "eve@example.org" not in ada.get("/accounts").text


@pytest.mark.parametrize("action", ["recovery-link", "second-factor"])
def test_an_administrators_own_account_is_not_opened_from_the_clinics_page(
    action: str, ada: Visitor, app: Lungwise
) -> None:
    with app.database.reading() as session:
        key = session.query(User).one().key
    answer = ada.post(f"/accounts/{key}/{action}", page="/profile")
    assert answer.status_code == 422
    assert "/password/forgotten" not in answer.text


def _account_path(action: str) -> str:
    return "/".join(action.split("/")[:3])


def test_the_profile_lists_tokens_and_ends_each(ada: Visitor, app: Lungwise) -> None:
    own, _machine = _tokens(app)
    revoke = re.findall(r'action="(/profile/tokens/\w+/revoke[^"]*)"', ada.get("/profile").text)
    assert len(revoke) == 1
    assert "No tokens yet" in ada.post(revoke[0], page="/profile", follow=True).text
    assert not _opens(app, own)


def test_a_page_view_writes_at_most_once_a_minute_when_the_session_was_seen(
    ada: Visitor, app: Lungwise, clock: Clock
) -> None:
    def seen() -> str:
        with app.database.reading() as session:
            return str(session.connection().exec_driver_sql("SELECT seen_at FROM sign_ins").scalar_one())

    first = seen()
    clock.forward(seconds=50)
    ada.get("/statistics")
    assert seen() == first
    clock.forward(seconds=20)
    ada.get("/statistics")
    assert seen() > first


def test_no_cookie_outlives_the_session_and_none_is_honoured(
    app: Lungwise, ada: Visitor, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(app)
    assert "remember" not in visitor.get("/sign-in").text
    answer = visitor.post("/sign-in", email="ada@example.org", password=PASSWORD, remember="y")
    assert [cookie for cookie in answer.headers.getlist("Set-Cookie") if not cookie.startswith("lungwise=")] == []
    with app.database.reading() as session, app.test_request_context():
        forged = encode_cookie(session.query(User).one().fs_uniquifier)
    thief = visit(app)
    thief.client.set_cookie("remember_token", forged)
    assert thief.get("/studies").headers["Location"] == "/sign-in"
    assert thief.get("/").headers["Location"] == "/sign-in"


def test_pictures_of_films_are_not_kept_by_the_browser(ada: Visitor, film: Callable[..., bytes]) -> None:
    study = ada.upload(film(1, 8))
    page = ada.get(study).text
    pictures = set(re.findall(r'(?:src|href)="(/films/[^"]+)"', page))
    assert any(path.endswith("heat.png") for path in pictures)
    for path in [study, f"{study}/report.pdf", *pictures]:
        answer = ada.get(path)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store", path
        assert "ETag" not in answer.headers


def _tokens(app: Lungwise) -> tuple[str, str]:
    """Make a token of her own, and one of a machine of the clinic."""
    with app.database.writing() as session:
        service, person = Tokens(session, utc_now, AuditTrail(session, utc_now)), session.query(User).one().person
        own = service.add(person, "script", [Scope.UPLOAD], 300)[1]
        return own, service.add(person, "archive", [Scope.UPLOAD], 300, machine=True)[1]


def _opens(app: Lungwise, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    return app.test_client().get("/api/v1/studies", headers=headers).status_code == 200


def test_who_signs_in_with_a_new_device_is_told_once(
    app: Lungwise, ada: Visitor, visit: Callable[..., Visitor], clock: Clock
) -> None:
    def told() -> int:
        return ada.get("/profile").text.count("to your account on a new device")

    assert told() == 0  # the first device of all is no news
    phone = visit(app)
    phone.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Linux; Android 15) Chrome/150.0 Mobile"
    phone.sign_in("ada@example.org")
    assert told() == 1
    phone.post("/sign-out", page="/profile")
    phone.sign_in("ada@example.org")
    assert told() == 1


def test_a_language_is_changed_without_the_password_and_a_name_is_not(
    ada: Visitor, app: Lungwise, enrol: Callable[..., Person]
) -> None:
    enrol(app, "Rosa")
    grow_stale(ada)
    assert ada.post("/profile", name="Ada", language="es").headers["Location"] == "/profile"
    assert ada.post("/profile", name="Ada B.", language="en").headers["Location"] == "/verify?next=/profile"
    with app.database.reading() as session:
        user = session.query(User).filter_by(email="ada@example.org").one()
        assert (user.name, user.language) == ("Ada", "es")
    ada.post("/verify?next=/profile", password=PASSWORD)
    ada.post("/profile", name="Ada", language="en")
    refused = ada.post("/profile", name="ROSA", language="es")
    assert refused.status_code == 200
    assert "Another account of your clinic has this name." in refused.text
    with app.database.reading() as session:
        user = session.query(User).filter_by(email="ada@example.org").one()
        assert (user.name, user.language) == ("Ada", "en")
