"""The second factor, from set-up to a lost phone: codes, recovery codes, and who must have one."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from babel.dates import format_date
from sqlalchemy import select

from conftest import open_app
from lungwise.access import Role
from lungwise.accounts.models import User
from lungwise.audit.closed_clinics import close_clinic
from lungwise.webkit.transactions import request_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from werkzeug.test import TestResponse

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

SET_UP, CODE, RECOVERY = "/second-factor", "/second-factor/code", "/second-factor/recovery"


@dataclass
class Ada:
    """A doctor with an authenticator app."""

    app: Lungwise
    visit: Callable[..., Visitor]
    authenticator: Callable[..., str]
    visitor: Visitor
    key: str = ""

    def set_up(self) -> TestResponse:
        self.key = key_on(self.visitor.post(SET_UP, setup="authenticator").text)
        return self.visitor.post(SET_UP, code=self.authenticator(self.key, -1))

    def recovery_codes(self) -> list[str]:
        return re.findall(r"<li><code>([^<]+)", self.visitor.post("/second-factor/recovery-codes").text)

    def code(self, steps: int = 0) -> str:
        return self.authenticator(self.key, steps)

    def signs_in(self, page: str, code: str) -> bool:
        """Say whether a code lets her in, in another browser."""
        other = self.visit(self.app)
        other.sign_in("ada@example.org")
        other.post(page, code=code)
        return other.get("/studies").status_code == 200


def today() -> str:
    return str(format_date(datetime.now(UTC), "d MMM y", locale="en_GB"))


@pytest.fixture
def ada(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], authenticator: Callable[..., str]
) -> Ada:
    enrol(app, "Ada")
    return _signed_in(app, visit, authenticator)


@pytest.fixture
def either_ada(
    either_app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], authenticator: Callable[..., str]
) -> Ada:
    enrol(either_app, "Ada")
    return _signed_in(either_app, visit, authenticator)


def _signed_in(app: Lungwise, visit: Callable[..., Visitor], authenticator: Callable[..., str]) -> Ada:
    visitor = visit(app)
    visitor.sign_in("ada@example.org")
    left = 30 - time.time() % 30
    if left < 5:  # the next code must not come in the middle of a test
        time.sleep(left + 0.1)
    return Ada(app, visit, authenticator, visitor)


@pytest.fixture
def strict_app(settings: Settings, clock: Clock, migrate: Callable[[Settings], None]) -> Iterator[Lungwise]:
    """Give the application with its own defaults: administrators have a second factor."""
    migrate(settings)
    yield from open_app(settings.model_copy(update={"administrator_second_factor": True}), clock)


def key_on(page: str) -> str:
    return str(re.findall(r"Key: <code>([^<]+)", page)[0]).replace("-", "")


def test_the_present_code_and_its_neighbours_pass_and_no_other(ada: Ada) -> None:
    ada.set_up()
    passed = [steps for steps in (-5, -4, -3, -2, 0, 2, 3, 4, 5) if ada.signs_in(CODE, ada.code(steps))]
    assert passed == [0]
    assert ada.signs_in(CODE, ada.code(1))


def test_a_second_factor_is_set_up_in_a_clinic_that_moves(ada: Ada) -> None:
    with ada.app.database.writing() as session:
        (clinic,) = session.scalars(select(User.clinic_id))
        close_clinic(session, clinic, "now")
    ada.set_up()
    (recovery, *_) = ada.recovery_codes()
    assert ada.signs_in(CODE, ada.code())
    assert ada.signs_in(RECOVERY, recovery)


def test_a_code_is_good_once_and_its_owner_is_told_of_a_second_time(ada: Ada) -> None:
    ada.set_up()
    assert ada.signs_in(CODE, ada.code())
    assert not ada.signs_in(CODE, ada.code())
    assert not ada.signs_in(CODE, ada.code(-1)), "nor is one that came before it"
    assert "entered twice" in ada.visitor.get("/profile").text


def test_guesses_at_an_old_key_lock_no_new_one(ada: Ada) -> None:
    ada.set_up()
    assert not any(ada.signs_in(CODE, "000000") for _ in range(6))
    ada.set_up()  # for a new phone, in a browser that is signed in
    assert ada.signs_in(CODE, ada.code())


def test_of_two_who_give_one_code_at_once_one_gets_in(either_ada: Ada) -> None:
    either_ada.set_up()
    code = either_ada.code()
    visitors = [either_ada.visit(either_ada.app) for _ in range(4)]
    tokens = []
    for visitor in visitors:
        visitor.sign_in("ada@example.org")
        tokens.append(re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', visitor.get(CODE).text)[0])

    def give(visitor: Visitor, token: str) -> None:
        visitor.client.post(CODE, data={"csrf_token": token, "code": code})

    threads = [threading.Thread(target=give, args=pair) for pair in zip(visitors, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [visitor.get("/studies").status_code for visitor in visitors].count(200) == 1


def test_a_request_that_is_begun_anew_may_spend_its_code_again_and_no_other_may(ada: Ada) -> None:
    ada.set_up()
    (recovery, *_) = ada.recovery_codes()
    security, ada.app.config["WTF_CSRF_CHECK_DEFAULT"] = ada.app.extensions["security"], False
    passed = []
    for times in (2, 1):  # one request, begun twice, and then another
        with ada.app.test_request_context(CODE, method="POST"):
            for _ in range(times):
                ada.app.preprocess_request()
                user = request_session().query(User).one()
                code = security.totp_factory.verify_totp(ada.code(), user.tf_totp_secret, user)
                passed += [code, security.mf_recovery_codes_util.check_recovery_code(user, recovery)]
                request_session().commit()
    assert passed == [True, True, True, True, False, False]


def test_digits_of_another_script_are_digits_and_other_signs_are_no_code(ada: Ada) -> None:
    ada.set_up()
    for odd in ("000000", "\x00²½②" * 2, "💥" * 6, "1" * 60_000):
        assert not ada.signs_in(CODE, odd)
    hindi = ada.code().translate({ord(str(digit)): 0x966 + digit for digit in range(10)})
    assert ada.signs_in(CODE, f" {hindi[:3]} {hindi[3:]} ")


def test_a_mistyped_code_keeps_the_key_and_shows_the_clock(ada: Ada) -> None:
    first = ada.visitor.post(SET_UP, setup="authenticator").text
    wrong = ada.visitor.post(SET_UP, code="000000").text
    again = ada.visitor.get(SET_UP).text
    assert key_on(first) == key_on(wrong) == key_on(again)
    assert re.findall(r'src="(data:image[^"]+)"', first) == re.findall(r'src="(data:image[^"]+)"', wrong)
    assert "clock shows" not in first
    assert f"clock shows {today()}" in wrong
    assert ada.visitor.post(SET_UP, code=ada.authenticator(key_on(first))).status_code == 302


def test_where_a_sign_in_code_fails_the_page_shows_the_servers_clock(ada: Ada) -> None:
    ada.set_up()
    other = ada.visit(ada.app)
    other.sign_in("ada@example.org")
    assert "clock shows" not in other.get(CODE).text
    assert f"clock shows {today()}" in other.post(CODE, code="000000").text


def test_recovery_codes_are_offered_at_the_end_of_set_up_and_shown_once(ada: Ada) -> None:
    offered = ada.set_up().headers["Location"]
    assert "Create new codes" in ada.visitor.get(offered).text
    codes = ada.recovery_codes()
    assert len(set(codes)) == 8
    page = ada.visitor.get(f"{offered}?show_codes=1").text
    assert "8 codes left" in page
    assert not any(code in page for code in codes)


def test_recovery_codes_pass_however_they_are_typed_once_each_and_lie_hashed(either_ada: Ada) -> None:
    either_ada.set_up()
    codes = either_ada.recovery_codes()
    with either_ada.app.database.reading() as session:
        kept = session.connection().exec_driver_sql("SELECT mf_recovery_codes FROM users").scalar_one()
        key = session.connection().exec_driver_sql("SELECT tf_totp_secret FROM users").scalar_one()
    assert either_ada.key not in key, "the app's key lies encrypted"
    assert len({code.split(".")[2] for code in kept.split(",")}) == len(codes), "each has a salt of its own"
    plain = [code.replace("-", "") for code in codes]
    assert not any(code in kept for code in [*codes, *plain])
    typed = (
        codes[0],
        plain[1],
        codes[2].upper(),
        f"  {plain[3][:4]} {plain[3][4:]}\t",
        f"{_full_width(plain[4][:4])}\u2212{plain[4][4:]}",
    )
    assert [either_ada.signs_in(RECOVERY, code) for code in typed] == [True] * 5
    assert not either_ada.signs_in(RECOVERY, codes[0])
    assert not either_ada.signs_in(RECOVERY, plain[5][:-1])
    assert "3 codes left" in either_ada.visitor.get("/second-factor/recovery-codes").text
    fresh = either_ada.recovery_codes()
    assert not either_ada.signs_in(RECOVERY, codes[6]), "new codes take the place of old ones"
    assert either_ada.signs_in(RECOVERY, fresh[0])


def _full_width(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) for sign in text)


def test_taking_the_factor_away_takes_the_recovery_codes_along(ada: Ada) -> None:
    ada.set_up()
    codes = ada.recovery_codes()
    page = ada.visitor.post(SET_UP, follow=True, setup="disable").text
    assert "turned off" in page
    with ada.app.database.reading() as session:
        user = session.query(User).one()
        assert not user.has_second_factor
        assert not user.mf_recovery_codes
    other = ada.visit(ada.app)
    assert other.sign_in("ada@example.org").headers["Location"] == "/studies"
    assert codes


def test_looking_at_the_page_of_the_code_changes_nothing(ada: Ada) -> None:
    for _ in range(2):  # without a second factor, and with one
        before = ada.visitor.client.get_cookie("lungwise")
        assert ada.visitor.get(CODE).status_code == 302
        assert ada.visitor.get("/studies").status_code == 200
        assert before is not None
        ada.set_up()
    other = ada.visit(ada.app)
    other.sign_in("ada@example.org")
    for path in (CODE, RECOVERY, CODE):
        assert other.get(path).status_code == 200
    other.post(CODE, code=ada.code())
    assert other.get("/studies").status_code == 200


def test_an_administrator_is_led_to_a_second_factor_after_the_first_sign_in(
    strict_app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    authenticator: Callable[..., str],
) -> None:
    enrol(strict_app, "Ada", role=Role.ADMINISTRATOR)
    enrol(strict_app, "Bob")
    ada, bob = visit(strict_app), visit(strict_app)
    ada.sign_in("ada@example.org")
    for path in ("/studies", "/accounts", "/profile", "/profile/tokens", "/password", "/", "/nothing"):
        assert ada.get(path).headers["Location"] == SET_UP, path
    assert ada.post("/studies/new", page=SET_UP).headers["Location"] == SET_UP
    assert "requires one" in ada.get(SET_UP).text
    key = key_on(ada.post(SET_UP, setup="authenticator").text)
    ada.post(SET_UP, code=authenticator(key))
    assert ada.get("/accounts").status_code == 200
    assert ada.post(SET_UP, setup="disable").status_code == 422
    assert "Turn it off" not in ada.get(SET_UP).text
    bob.sign_in("bob@example.org")
    assert bob.get("/studies").status_code == 200


def test_a_reset_second_factor_ends_the_sessions_and_its_owner_is_told(
    app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    authenticator: Callable[..., str],
) -> None:
    enrol(app, "Ada")
    enrol(app, "Root", role=Role.ADMINISTRATOR)
    root, ada = visit(app), _signed_in(app, visit, authenticator)
    ada.set_up()
    root.sign_in("root@example.org")
    reset = re.findall(r"/accounts/\w+/second-factor", root.get("/accounts").text)[0]
    root.post(reset, page="/accounts")
    assert ada.visitor.get("/studies").status_code == 302
    assert ada.visitor.sign_in("ada@example.org").headers["Location"] == "/studies"
    assert "turned off the second factor" in ada.visitor.get("/profile").text
