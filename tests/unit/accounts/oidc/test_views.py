"""A provider that lies, and whoever brings its answers: nobody gets in, and the trail says so."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from sqlalchemy import func, select

from conftest import open_app
from lungwise.access import Role
from lungwise.accounts.models import ProvidedIdentity, SignIn, SignInFailures, User
from lungwise.accounts.oidc.tokens import LOGOUT_EVENT
from lungwise.audit.models import AuditEntry
from oidc_forger import (
    CLIENT,
    KEY,
    Forger,
    come_back,
    forger,
    go,
    logout_token,
    signed,
    signed_by_a_stranger,
    signed_with_the_public_key,
    tell,
    unsigned,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

REFUSED = "The answer of Hill Hospital is not right. Begin again."


def trail(app: Lungwise) -> list[str]:
    with app.database.reading() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_an_honest_answer_signs_in(app: Lungwise, liar: Forger, visit: Callable[..., Visitor]) -> None:
    visitor = visit(app)
    page = come_back(visitor, go(visitor))

    assert page.request.path == "/studies"
    assert trail(app)[-2:] == ["registered", "signed in"]


def test_who_signs_in_twice_at_once_for_the_first_time_gets_one_account(
    app: Lungwise, liar: Forger, visit: Callable[..., Visitor]
) -> None:
    """A request that collides with another is begun anew, and redeems its code once."""
    meet = Barrier(2, timeout=60)

    def together(claims: dict[str, Any]) -> str:
        meet.wait()
        return signed(claims)

    liar.sign = together
    visitors = [visit(app), visit(app)]
    answers = [go(visitor) for visitor in visitors]
    with ThreadPoolExecutor(2) as pool:
        pages = list(pool.map(come_back, visitors, answers))
    assert [page.request.path for page in pages] == ["/studies"] * 2
    assert liar.asked.count("/token") == 2
    assert trail(app).count("signed in") == 2
    with app.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 2


LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "another"},
    "two audiences": {"aud": [CLIENT, "another"]},
    "another's, for us too": {"aud": [CLIENT, "another"], "azp": "another"},
    "another issuer": {"iss": "https://evil.example.org"},
    "the issuer with a slash": {"iss": "slash"},
    "expired": {"exp": 0},
    "no end": {"exp": None},
    "an end that is not a number": {"exp": "tomorrow"},
    "not valid yet": {"nbf": 1 << 40},
    "of tomorrow": {"iat": 1 << 40},
    "nobody": {"sub": None},
    "nobody, empty": {"sub": ""},
    "somebody numbered": {"sub": 7},
    "another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}
SIGNATURES = [signed_by_a_stranger, signed_with_the_public_key, unsigned, lambda _claims: "x.y.z", lambda _claims: ""]


def test_no_lie_signs_in(app: Lungwise, liar: Forger, visit: Callable[..., Visitor]) -> None:
    visitor = visit(app)
    for name, lie in LIES.items():
        liar.claims = {"iss": liar.issuer + "/"} if lie == {"iss": "slash"} else lie
        assert REFUSED in come_back(visitor, go(visitor)).text, name
        assert trail(app)[-1] == "failed to sign in"
    liar.claims = {}
    for forge in SIGNATURES:
        liar.sign = forge
        assert REFUSED in come_back(visitor, go(visitor)).text
    assert trail(app).count("failed to sign in") == len(LIES) + len(SIGNATURES)
    with app.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1


def test_a_minute_of_difference_between_the_clocks_is_no_lie(
    app: Lungwise, liar: Forger, clock: Clock, visit: Callable[..., Visitor]
) -> None:
    visitor, now = visit(app), int(clock().timestamp())
    liar.claims = {"exp": now - 61}
    assert REFUSED in come_back(visitor, go(visitor)).text
    liar.claims = {"exp": now - 59, "iat": now + 59}
    assert come_back(visitor, go(visitor)).request.path == "/studies"


def test_an_answer_that_is_no_answer_is_a_sentence(app: Lungwise, liar: Forger, visit: Callable[..., Visitor]) -> None:
    visitor = visit(app)
    for body in (b"", b"[]", b"{", b"[" * 100_000, b'{"id_token": ' + b"[" * 50_000, b'"' + b"x" * 200_000 + b'"'):
        liar.answer = lambda body=body: body
        page = come_back(visitor, go(visitor))
        assert "Hill Hospital does not answer." in page.text
        assert trail(app)[-1] == "failed to sign in"
    liar.answer = lambda: b'{"id_token": 7}'
    assert REFUSED in come_back(visitor, go(visitor)).text


def test_wrong_answers_lock_nobody_s_password(app: Lungwise, liar: Forger, visit: Callable[..., Visitor]) -> None:
    """Answers that nobody asked for are what a link on any page may bring a browser to."""
    visitor = visit(app)
    for number in range(40):
        come_back(visitor, f"/sign-in/oidc/callback?state={number}&code=x")
    assert trail(app).count("failed to sign in") == 30  # more are not written down

    assert come_back(visitor, go(visitor)).request.path == "/studies"
    assert visit(app).sign_in("eve@example.org").status_code == 302


def test_a_right_password_that_opens_nothing_forgives_no_guess_at_others(
    app: Lungwise,
    liar: Forger,
    either: Settings,
    enrol: Callable[..., Person],
    visit: Callable[..., Visitor],
    clock: Clock,
) -> None:
    bob, issuer = enrol(app, "Bob"), liar.settings(either).oidc_issuer
    with app.database.writing() as session:
        session.add(ProvidedIdentity(user_id=bob.id, issuer=issuer, name="bob", created_at=clock()))
    visitor = visit(app)
    for name in "xyz":
        visitor.sign_in(f"{name}@example.org")
    for _ in range(2):
        assert "signs in with Hill Hospital" in visitor.sign_in("bob@example.org").text
    with app.database.reading() as session:
        assert max(session.scalars(select(SignInFailures.count))) == 3


def test_a_link_is_for_whom_it_was_shown_to(
    app: Lungwise, liar: Forger, enrol: Callable[..., Person], visit: Callable[..., Visitor]
) -> None:
    """Who signs in at the same browser afterwards is linked with nobody."""
    enrol(app, "Bob")
    visitor = visit(app)
    visitor.sign_in("eve@example.org")
    shown = come_back(visitor, go(visitor, "/profile/oidc"))
    assert "There you are signed in as Rosa." in shown.text
    visitor.post("/sign-out", page="/profile")
    visitor.sign_in("bob@example.org")
    refused = visitor.post("/profile/oidc", page="/profile")
    assert refused.status_code == 422
    with app.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ProvidedIdentity)) == 0


def test_too_late_is_too_late(app: Lungwise, liar: Forger, clock: Clock, visit: Callable[..., Visitor]) -> None:
    visitor = visit(app)
    answer = go(visitor)
    clock.forward(minutes=16)

    assert "it took too long" in come_back(visitor, answer).text


def test_an_old_session_there_is_not_fresh_here(
    app: Lungwise, liar: Forger, clock: Clock, visit: Callable[..., Visitor]
) -> None:
    """Who signed in there this morning confirms before the account changes; `auth_time` says whether they did."""
    visitor, long_ago = visit(app), int(time.time()) - 3600
    liar.claims = {"auth_time": long_ago}
    come_back(visitor, go(visitor))
    asked = visitor.client.get("/profile/tokens")
    tokens = visitor.post("/profile/tokens", name="x", days="30", follow=True)
    assert asked.status_code == 200
    assert "Confirm that it is you" in tokens.text
    assert "Confirm with Hill Hospital" in tokens.text
    assert 'type="password"' not in tokens.text

    liar.claims = {"auth_time": int(clock().timestamp()) - 61}
    assert REFUSED in come_back(visitor, go(visitor, "/sign-in/oidc/confirm?next=/profile/tokens")).text
    liar.claims = {"auth_time": None}
    assert REFUSED in come_back(visitor, go(visitor, "/sign-in/oidc/confirm?next=/profile/tokens")).text
    liar.claims = {}
    page = come_back(visitor, go(visitor, "/sign-in/oidc/confirm?next=/profile/tokens"))
    assert page.request.path == "/profile/tokens"
    assert "Confirm" not in visitor.post("/profile/tokens", name="x", days="30", follow=True).text


def test_a_second_factor_here_is_asked_for_unless_one_was_used_there(
    app: Lungwise, liar: Forger, visit: Callable[..., Visitor]
) -> None:
    first, second, third = (visit(app) for _ in range(3))
    come_back(first, go(first))
    with app.app_context(), app.database.writing() as session:
        rosa = session.scalars(select(User).where(User.email == "rosa@example.org")).one()
        rosa.tf_primary_method = "authenticator"
        rosa.tf_totp_secret = app.extensions["security"].totp_factory.generate_totp_secret()

    assert come_back(second, go(second)).request.path == "/second-factor/code"
    assert second.client.get("/studies").status_code == 302
    liar.claims = {"amr": ["pwd", "mfa"]}
    assert come_back(third, go(third)).request.path == "/studies"


def test_the_provider_ends_the_session_that_began_there_and_nobody_else_does(
    app: Lungwise, liar: Forger, clock: Clock, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(app)
    liar.claims = {"sid": "there"}
    come_back(visitor, go(visitor))
    wrong = [
        liar.id_token(),
        "",
        logout_token(liar, clock, events={}),
        logout_token(liar, clock, nonce="x"),
        logout_token(liar, clock, aud="another"),
        logout_token(liar, clock, iat=int(clock().timestamp()) - 3600),
        logout_token(liar, clock, sub=None, sid=None),
        jwt.encode({"alg": "RS256", "kid": "two"}, {"events": {LOGOUT_EVENT: {}}}, KEY),
    ]
    for token in wrong:
        assert tell(visit(app), token) == 400
    assert tell(visit(app), logout_token(liar, clock, sid="another")) == 200
    assert visitor.client.get("/profile").status_code == 200
    assert tell(visit(app), logout_token(liar, clock)) == 200
    assert visitor.client.get("/profile").status_code == 302

    liar.claims = {}
    come_back(visitor, go(visitor))
    assert tell(visit(app), logout_token(liar, clock, sid=None)) == 200
    with app.database.reading() as session:
        assert session.scalars(select(SignIn.ended_at)).all().count(None) == 0


def test_while_the_provider_is_away_passwords_still_open(
    settings: Settings,
    clock: Clock,
    migrate: Callable[[Settings], None],
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
) -> None:
    with forger(clock) as gone:
        told = gone.settings(settings)
    migrate(told)
    for app in open_app(told, clock):
        enrol(app, "Eve", role=Role.ADMINISTRATOR)
        visitor = visit(app)
        page = visitor.client.get("/sign-in/oidc", follow_redirects=True)
        assert page.request.path == "/sign-in"
        assert "Hill Hospital does not answer. Try again in a few minutes" in page.text
        assert visitor.sign_in("eve@example.org").status_code == 302
