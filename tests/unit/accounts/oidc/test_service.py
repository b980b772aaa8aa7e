"""What the provider's word does to accounts and their sessions here."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from lungwise.access import Role
from lungwise.accounts.models import User
from lungwise.accounts.oidc.service import ProvidedAccounts
from lungwise.accounts.passwords import Passwords
from lungwise.accounts.service import Accounts
from lungwise.audit.closed_clinics import close_clinic
from lungwise.audit.service import AuditTrail
from oidc_forger import Forger, come_back, go, logout_token, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


@dataclass
class Rosa:
    """Somebody with a second factor here, whom the provider vouches for."""

    app: Lungwise
    visit: Callable[..., Visitor]
    authenticator: Callable[..., str]
    key: str

    def waits_for_a_code(self) -> Visitor:
        """Sign in as far as the page for the code."""
        visitor = self.visit(self.app)
        assert come_back(visitor, go(visitor)).request.path == "/second-factor/code"
        return visitor

    def gets_in(self, visitor: Visitor) -> bool:
        """Return whether the right code signs in now."""
        visitor.post("/second-factor/code", code=self.authenticator(self.key))
        return visitor.get("/studies").status_code == 200


@pytest.fixture
def rosa(app: Lungwise, liar: Forger, visit: Callable[..., Visitor], authenticator: Callable[..., str]) -> Rosa:
    """Give somebody who has set a second factor up, and has signed out."""
    visitor, liar.claims = visit(app), {"auth_time": int(time.time())}
    come_back(visitor, go(visitor))
    page = visitor.post("/second-factor", setup="authenticator").text
    key = re.findall(r"Key: <code>([^<]+)", page)[0].replace("-", "")
    visitor.post("/second-factor", code=authenticator(key, -1))
    visitor.post("/sign-out", page="/profile")
    return Rosa(app, visit, authenticator, key)


def user_of(app: Lungwise, name: str) -> User:
    with app.database.reading() as session:
        return session.scalars(select(User).where(User.name == name)).one()


def test_who_waits_for_a_code_gets_in_with_it(rosa: Rosa) -> None:
    assert rosa.gets_in(rosa.waits_for_a_code())


def test_whom_the_provider_shuts_out_gets_in_with_no_code(
    rosa: Rosa, liar: Forger, visit: Callable[..., Visitor]
) -> None:
    waiting, other = rosa.waits_for_a_code(), visit(rosa.app)
    liar.claims = {"groups": []}
    come_back(other, go(other))
    assert not rosa.gets_in(waiting)


def test_whose_account_is_unlinked_gets_in_with_no_code(rosa: Rosa, clock: Clock, either: Settings) -> None:
    waiting = rosa.waits_for_a_code()
    with rosa.app.database.writing() as session:
        user, audit = session.scalars(select(User).where(User.name == "Rosa")).one(), AuditTrail(session, clock)
        accounts = Accounts(session, clock, either, audit)
        ProvidedAccounts(session, clock, either, audit, accounts).unlink(user, user.person)
    assert not rosa.gets_in(waiting)


def test_who_signs_out_at_the_provider_gets_in_with_no_code(
    rosa: Rosa, liar: Forger, clock: Clock, visit: Callable[..., Visitor]
) -> None:
    waiting = rosa.waits_for_a_code()
    assert tell(visit(rosa.app), logout_token(liar, clock)) == 200
    assert not rosa.gets_in(waiting)


def test_another_s_weak_password_holds_up_nobody_from_the_provider(
    app: Lungwise, either: Settings, enrol: Callable[..., Person], visit: Callable[..., Visitor]
) -> None:
    """Neither where the other has signed out, nor where they went away before they gave a code."""
    weak, signs_out, goes_away = "football2024", visit(app), visit(app)
    enrol(app, "Ben")
    with app.database.writing() as session:
        session.merge(user_of(app, "Ben")).password = Passwords(either).hash(weak)
    signs_out.sign_in("ben@example.org", weak)
    assert signs_out.get("/studies").headers["Location"] == "/password"
    signs_out.post("/sign-out", page="/password")
    with app.app_context(), app.database.writing() as session:
        ben = session.merge(user_of(app, "Ben"))
        ben.tf_primary_method = "authenticator"
        ben.tf_totp_secret = app.extensions["security"].totp_factory.generate_totp_secret()
    assert goes_away.sign_in("ben@example.org", weak).headers["Location"].startswith("/second-factor/code")
    for visitor in (signs_out, goes_away):
        assert come_back(visitor, go(visitor)).request.path == "/studies"


def test_the_provider_s_role_holds_in_a_clinic_that_moves(
    app: Lungwise, liar: Forger, visit: Callable[..., Visitor]
) -> None:
    first, second = visit(app), visit(app)
    come_back(first, go(first))
    with app.database.writing() as session:
        close_clinic(session, user_of(app, "Rosa").clinic_id, "now")
    liar.claims = {"groups": ["admins"], "amr": ["mfa"]}
    assert come_back(second, go(second)).request.path == "/studies"
    assert "Administrator" in first.get("/profile").text


def test_the_last_administrator_whom_the_provider_demotes_leaves_a_line_in_the_log(
    app: Lungwise, liar: Forger, visit: Callable[..., Visitor], caplog: pytest.LogCaptureFixture
) -> None:
    def signs_in_as(group: str) -> None:
        liar.claims = {"groups": [group], "amr": ["mfa"]}
        visitor = visit(app)
        come_back(visitor, go(visitor))

    signs_in_as("admins")
    signs_in_as("chest")
    signs_in_as("admins")
    assert "no administrator" not in caplog.text, "Eve is one"
    with app.database.writing() as session:
        session.merge(user_of(app, "Eve")).role = Role.DOCTOR
    signs_in_as("chest")
    assert "Hill has no administrator any more" in caplog.text
    assert user_of(app, "Rosa").role == Role.RADIOLOGIST
