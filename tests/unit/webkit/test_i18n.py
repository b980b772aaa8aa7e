from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from werkzeug.datastructures import MultiDict

from lungwise.accounts.forms import RecoveryForm
from lungwise.languages import LANGUAGES
from lungwise.web_app import create_app
from synthetic_reader import SyntheticReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


@pytest.mark.parametrize(("accepted", "language"), [("fr-CA, fr;q=0.9, en;q=0.8", "fr"), ("xx", "en"), ("hi", "hi")])
def test_a_page_speaks_the_browsers_language_or_the_installations(
    accepted: str, language: str, app: Lungwise, visit: Callable[..., Visitor]
) -> None:
    page = visit(app).get("/welcome", headers={"Accept-Language": accepted}).text
    assert f'<html lang="{language}"' in page


@pytest.mark.parametrize(
    ("language", "written"), [("en", "1234.30"), ("es", "1234,30"), ("fr", "1234,30"), ("hi", "1234.30")]
)
def test_a_number_has_the_comma_or_the_point_of_the_language(language: str, written: str, app: Lungwise) -> None:
    with app.test_request_context(headers={"Accept-Language": language}):
        assert app.jinja_env.from_string("{{ 1234.3|decimal(2) }}").render() == written


def test_an_account_chooses_its_own(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.post("/profile", name="Ada", language="es")
    assert '<html lang="es"' in ada.get("/studies", headers={"Accept-Language": "fr"}).text
    assert "es" in LANGUAGES


def test_a_language_is_chosen_before_signing_in_and_stays_chosen_afterwards(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    page = ada.get("/sign-in", headers={"Accept-Language": "fr"})
    assert all(f'lang="{code}"' in page.text and name in page.text for code, name in LANGUAGES.items())
    answer = ada.post("/language", page="/sign-in", language="hi", back="/forgot")
    assert answer.headers["Location"].endswith("/forgot")
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert '<html lang="hi"' in ada.get("/sign-in", headers={"Accept-Language": "fr"}).text
    ada.sign_in("ada@example.org")
    assert '<html lang="hi"' in ada.get("/studies", headers={"Accept-Language": "fr"}).text
    assert 'class="languages"' not in ada.get("/studies").text
    ada.post("/profile", name="Ada", language="")
    assert '<html lang="fr"' in ada.get("/studies", headers={"Accept-Language": "fr"}).text


def test_a_choice_leads_nowhere_else_and_a_language_that_is_not_spoken_is_none(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    for back in ("https://example.org/", "//example.org", "/\\example.org"):
        assert "example.org" not in ada.post("/language", page="/sign-in", language="es", back=back).headers["Location"]
    ada.post("/language", page="/sign-in", language="xx")
    assert '<html lang="en"' in ada.get("/sign-in").text


def test_what_wtforms_says_is_said_in_the_pages_language(app: Lungwise) -> None:
    with app.test_request_context("/", headers={"Accept-Language": "hi"}):
        form = RecoveryForm(MultiDict({"email": "a" * 300}), meta={"csrf": False})
        assert not form.validate()
        assert form.email.errors[0] == "अधिक से अधिक 255 अक्षर लिखें।"


def test_days_and_moments_are_those_of_the_time_zone(
    settings: Settings, clock: Clock, migrate: Callable[[Settings], None]
) -> None:
    migrate(settings)
    app = create_app(settings.model_copy(update={"time_zone": "Africa/Nairobi"}), SyntheticReader, clock)
    late = datetime(2026, 3, 2, 21, 30, 5, tzinfo=UTC)
    write = app.jinja_env.filters
    with app.test_request_context():
        assert (write["day"](late), write["day"](date(2026, 3, 2)), write["day"](None)) == (
            "3 Mar 2026",
            "2 Mar 2026",
            "",
        )
        assert write["local_day"](late) == date(2026, 3, 3)
        assert write["moment"](late) == "3 Mar 2026, 00:30"
        assert write["zoned"](late) == "3 Mar 2026, 00:30 EAT"
        assert write["second"](late) == "3 Mar 2026, 00:30:05 EAT"
    app.database.close()


def test_a_name_that_turns_its_neighbours_is_isolated_without_marks_that_would_be_copied(app: Lungwise) -> None:
    said = app.jinja_env.from_string("{{ name|isolated }}, 45-2031")
    assert said.render(name="سعاد <b>") == "<bdi>سعاد &lt;b&gt;</bdi>, 45-2031"
    assert said.render(name="Ada") == "Ada, 45-2031"
