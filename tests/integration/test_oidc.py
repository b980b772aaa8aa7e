"""Signing in at a real OpenID provider, npm's oidc-provider, by a server that is a process of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from sqlalchemy import select

from lungwise.access import Role
from lungwise.accounts.models import Token
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.store import utc_now
from oidc_peers import SECRET, House, PlainBrowser, oidc_house
from processes import PASSWORD, until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with oidc_house(tmp_path_factory.mktemp("oidc")) as house:
        house.enrol("Ada", Role.DOCTOR)
        house.enrol("Eve", Role.ADMINISTRATOR)
        yield house


def test_who_has_a_mapped_role_gets_an_account_at_the_first_sign_in(house: House) -> None:
    page = house.sign_in("rosa", path="/sign-in/oidc?next=/patients")

    rosa = house.user("rosa@example.org")
    assert page.url == house.address + "/patients"
    assert (rosa.name, rosa.role, rosa.password) == ("Rosa Diaz", Role.RADIOLOGIST, "")
    assert house.actions("rosa@example.org") == ["registered", "signed in"]


def test_the_role_is_the_provider_s_at_each_sign_in(house: House) -> None:
    house.sign_in("max")
    house.change("max", groups=["chest-doctors"])
    house.sign_in("max")

    assert house.user("max@example.org").role == Role.DOCTOR
    assert house.actions("max@example.org")[2:] == ["changed role", "signed in"]


def test_who_has_no_mapped_role_is_refused_and_the_trail_says_so(house: House) -> None:
    before = len(house.actions())
    page = house.sign_in("guest")

    assert page.url == house.address + "/sign-in"
    assert "Hill Hospital gives you no role in Lungwise." in page.text
    assert house.actions()[before:] == ["failed to sign in"]


def test_who_loses_the_role_loses_sessions_and_tokens(house: House) -> None:
    browser = PlainBrowser()
    house.sign_in("lea", browser)
    with house.database.writing() as session:
        Tokens(session, utc_now, AuditTrail(session, utc_now)).add(
            house.user("lea@example.org").person, "hers", [Scope.SEE], 30
        )
    house.change("lea", groups=["staff"])
    house.sign_in("lea")

    lea = house.user("lea@example.org")
    assert browser.open(house.address + "/profile").url == house.address + "/sign-in"
    with house.database.reading() as session:
        assert session.scalars(select(Token.revoked_at).where(Token.user_id == lea.id)).one() is not None
    assert house.actions("lea@example.org")[2:] == ["failed to sign in"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("far", "Hill Hospital does not say which clinic here is yours."),
        ("mute", "Hill Hospital does not give an e-mail address of yours that is confirmed."),
    ],
)
def test_an_account_needs_a_clinic_and_an_address(name: str, sentence: str, house: House) -> None:
    assert sentence in house.sign_in(name).text


def test_an_account_is_linked_by_its_owner_alone_and_never_by_its_address(house: House) -> None:
    assert "Your e-mail address has an account here already." in house.sign_in("ada").text

    browser = PlainBrowser()
    browser.post(browser.open(house.address + "/sign-in"), "/sign-in", email="ada@example.org", password=PASSWORD)
    asked = browser.sign_in_there(browser.open(house.address + "/profile/oidc"), "ada")
    assert "There you are signed in as Ada at the hospital." in asked.text
    assert not house.user("ada@example.org").identities  # a link on somebody's page may have led here
    linked = browser.post(asked, "/profile/oidc")
    assert "Your account is linked with Hill Hospital." in linked.text

    other = PlainBrowser()
    assert house.sign_in("ada", other).url == house.address + "/studies"
    assert "· Hill Hospital" in other.open(house.address + "/profile").text
    assert house.user("ada@example.org").role == Role.RADIOLOGIST
    assert "linked sign in" in house.actions("ada@example.org")


def test_a_linked_account_has_no_password_any_more(house: House) -> None:
    """Not to sign in with, to change or to choose by mail; unlike that of a local administrator."""
    browser = PlainBrowser()
    start = browser.open(house.address + "/sign-in")
    refused = browser.post(start, "/sign-in", email="ada@example.org", password=PASSWORD)
    assert "This account signs in with Hill Hospital, not with a password." in refused.text
    assert house.actions("ada@example.org")[-1] == "failed to sign in"
    wrong = browser.post(refused, "/sign-in", email="ada@example.org", password="three green kites fell")
    assert "Wrong e-mail address or password." in wrong.text
    assert browser.post(wrong, "/sign-in", email="eve@example.org", password=PASSWORD).url.endswith("/second-factor")

    house.sign_in("ada", other := PlainBrowser())
    assert "you sign in with Hill Hospital" in other.open(house.address + "/password").text


def test_a_disabled_account_stays_disabled(house: House) -> None:
    house.sign_in("dan")
    house.disable("dan@example.org")

    assert "This account is disabled." in house.sign_in("dan").text
    assert not house.user("dan@example.org").active


def test_a_second_factor_at_the_provider_counts_where_the_settings_say_so(house: House) -> None:
    assert house.sign_in("boss").url == house.address + "/studies"
    house.change("boss", amr=["pwd"])
    assert house.sign_in("boss").url == house.address + "/second-factor"


def test_who_confirms_signs_in_anew_and_as_themselves(house: House) -> None:
    browser = PlainBrowser()
    house.sign_in("rosa", browser)
    confirm = house.address + "/sign-in/oidc/confirm?next=/profile/tokens"
    asked = browser.open(confirm)
    assert asked.url.startswith(house.provider.issuer)  # though she is signed in there
    assert browser.sign_in_there(asked, "rosa").url == house.address + "/profile/tokens"

    browser.forget_there()
    other = browser.sign_in_there(browser.open(confirm), "max")
    assert "You signed in as somebody else there. Nothing was confirmed." in other.text


def test_signing_out_here_offers_to_sign_out_there(house: House) -> None:
    browser = PlainBrowser()
    page = house.sign_in("rosa", browser)
    out = browser.post(page, "/sign-out")
    assert out.url == house.address + "/signed-out"
    (there,) = re.findall(r'href="([^"]+)">Sign out with Hill Hospital too', out.text)
    asked = browser.open(there.replace("&amp;", "&"))
    assert browser.post_there(asked, logout="yes").url == house.address + "/sign-in"
    assert "prompt" not in urlsplit(browser.open(house.address + "/sign-in/oidc").url).query
    assert browser.open(house.address + "/sign-in/oidc").url.startswith(house.provider.issuer)  # it asks again


def test_who_signs_out_there_is_signed_out_here(house: House) -> None:
    browser, other = PlainBrowser(), PlainBrowser()
    house.sign_in("rosa", browser)
    house.sign_in("rosa", other)
    browser.post_there(browser.open(house.provider.issuer + "/session/end"), logout="yes")

    until(lambda: browser.open(house.address + "/profile").url == house.address + "/sign-in", 20)
    assert other.open(house.address + "/profile").url == house.address + "/profile"  # another session there
    assert house.actions("rosa@example.org")[-1] == "signed out"


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(house: House) -> None:
    mine, hers = PlainBrowser(), PlainBrowser()
    answer = house.answer("rosa", mine)
    before = len(house.actions())

    stolen = hers.open(answer)
    assert "This sign-in was not begun here, or it took too long." in stolen.text
    hers.open(house.address + "/sign-in/oidc")
    forged = hers.open(answer)
    assert "This sign-in was not begun here" in forged.text
    assert house.actions()[before:] == ["failed to sign in"] * 2
    assert mine.open(answer).url == house.address + "/studies"
    mine.post(mine.open(house.address + "/studies"), "/sign-out")
    assert "This sign-in was not begun here" in mine.open(answer).text


def test_a_code_that_another_asked_for_opens_nothing(house: House) -> None:
    """With a state that is right: PKCE lets the provider refuse it."""
    mine, hers = PlainBrowser(), PlainBrowser()
    answer = house.answer("rosa", mine)
    code = parse_qs(urlsplit(answer).query)["code"][0]
    asked = hers.open(house.address + "/sign-in/oidc", follow=False)
    state = parse_qs(urlsplit(asked.url).query)["state"][0]
    before = len(house.actions())

    injected = hers.open(f"{house.address}/sign-in/oidc/callback?state={state}&code={code}&iss={house.provider.issuer}")
    assert "The answer of Hill Hospital is not right." in injected.text
    assert house.actions()[before:] == ["failed to sign in"]


def test_the_answer_of_another_provider_is_none(house: House) -> None:
    browser = PlainBrowser()
    answer = house.answer("rosa", browser)
    mixed = re.sub("iss=[^&]+", "iss=https%3A%2F%2Fevil.example.org", answer)
    assert mixed != answer

    assert "The answer of Hill Hospital is not right." in browser.open(mixed).text


@pytest.mark.parametrize("next_page", ["https://evil.example.org/", "//evil.example.org", "/\\evil.example.org"])
def test_the_way_back_leads_to_our_pages_alone(next_page: str, house: House) -> None:
    page = house.sign_in("rosa", path=f"/sign-in/oidc?next={next_page}")
    assert page.url == house.address + "/studies"


def test_the_provider_is_asked_with_what_guards_the_answer(house: House) -> None:
    asked = PlainBrowser().open(house.address + "/sign-in/oidc", follow=False)

    query = {name: value[0] for name, value in parse_qs(urlsplit(asked.url).query).items()}
    assert urljoin(asked.url, "/") == house.provider.issuer + "/"
    assert query["redirect_uri"] == house.address + "/sign-in/oidc/callback"
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert len({query["state"], query["nonce"], query["code_challenge"]}) == 3
    assert SECRET not in asked.url


def test_a_no_of_the_provider_is_said_and_recorded(house: House) -> None:
    browser = PlainBrowser()
    asked = browser.open(house.address + "/sign-in/oidc", follow=False)
    state, before = parse_qs(urlsplit(asked.url).query)["state"][0], len(house.actions())

    page = browser.open(f"{house.address}/sign-in/oidc/callback?state={state}&error=access_denied")
    assert "Hill Hospital did not sign you in." in page.text
    assert house.actions()[before:] == ["failed to sign in"]
