from __future__ import annotations

import gettext
import re
from pathlib import Path
from typing import TYPE_CHECKING

import flask_security
import pytest
import wtforms
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.pofile import read_po
from flask_security.utils import get_message

import lungwise
from lungwise.films import Refusal
from lungwise.films.refusals import REFUSALS, WARNINGS, refusal_sentence, warning_sentence
from lungwise.languages import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

PACKAGE = Path(lungwise.__file__).parent
ROOMS = (
    *("accounts", "api", "audit", "clinics", "films", "hl7", "jobs", "monitoring", "orders", "patients", "reading"),
    *("receiving", "reports", "results", "store", "studies", "templates", "webkit"),
)
METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2")]
SINGLE = ("_", "gettext", "lazy_gettext", "N_", "Conflict", "Contradiction", "Rejected", "Unavailable")
MARKS = {name: None for name in SINGLE} | {"ngettext": (1, 2)}


def forms(text: object) -> tuple[str, ...]:
    """The forms of a text: two where it counts something."""
    return tuple(text) if isinstance(text, tuple | list) else (str(text),)


FLASK_SECURITYS = {
    forms(text)
    for _file, _line, text, _comments, _context in extract_from_dir(
        Path(flask_security.__file__).parent, METHODS, keywords={"_": None, "_fsdomain": None}
    )
}
"""The sentences of Flask-Security itself."""
WTFORMS = {
    forms(text)
    for _file, _line, text, _comments, _context in extract_from_dir(
        Path(wtforms.__file__).parent, METHODS, keywords={"gettext": None, "ngettext": (1, 2)}
    )
}
"""The sentences of WTForms itself; it has none in Hindi."""
UNUSED = (
    *("Invalid field name '%s'.", "Invalid IP address.", "Invalid Mac address.", "Invalid URL.", "Invalid UUID."),
    *("Choices cannot be None.", "Not a valid week value."),
    *("Invalid value, must be one of: %(values)s.", "Invalid value, can't be any of: %(values)s."),
)
"""Of WTForms' sentences, those of fields and rules that no form of ours has."""
MISLEADING = (
    *(
        "COVID-19 negative",
        "by PCR and by the patient",
        "a verdict is uncertain",
        "such verdicts are right",
        "it is read next",
    ),
    *("read before these", "in whole words", "There is no study", "Deed", "Drift", "can stay empty", "Own conclusion"),
    *("Look closely", "Present password", "Safety", "That did not work", "This field is required"),
)
"""What doctors understood wrongly or not at all; only WTForms itself asks for a field."""
OTHERS = [language for language in LANGUAGES if language != "en"]


def catalog(language: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    path = PACKAGE / "translations" / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        return {forms(message.id): forms(message.string) for message in read_po(file) if message.id}


@pytest.fixture(scope="module")
def written() -> set[tuple[str, ...]]:
    """Every text that the pages, the rules and the films' refusals say."""
    found: set[tuple[str, ...]] = set()
    for room in ROOMS:
        for _file, _line, text, _comments, _context in extract_from_dir(PACKAGE / room, METHODS, keywords=MARKS):
            found.add(forms(text))
    for _line, text, _comments, _context in extract_from_file("python", PACKAGE / "inputs.py", keywords=MARKS):
        found.add(forms(text))
    return found - {("",)}


@pytest.mark.parametrize("language", OTHERS)
def test_everything_that_is_said_is_translated_and_nothing_else(language: str, written: set[tuple[str, ...]]) -> None:
    messages = catalog(language)
    assert written - set(messages) == set()
    assert WTFORMS - set(messages) == {(text,) for text in UNUSED}
    assert set(messages) - written - FLASK_SECURITYS - WTFORMS <= {
        ("There is nothing here, or it belongs to another clinic.",)
    }
    assert [text for text, translated in messages.items() if not all(translated)] == []


def test_no_sentence_says_what_doctors_understood_wrongly(written: set[tuple[str, ...]]) -> None:
    assert [text for texts in written for text in texts for words in MISLEADING if words in text] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_keeps_every_place_for_a_value(language: str) -> None:
    for texts, translations in catalog(language).items():
        for text, translated in zip(texts, translations, strict=True):
            assert sorted(re.findall(r"%\(\w+\)s", text)) == sorted(re.findall(r"%\(\w+\)s", translated)), text


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    compiled = gettext.translation("messages", PACKAGE / "translations", [language])
    for texts, translations in catalog(language).items():
        said = [compiled.gettext(texts[0])]
        if texts[1:]:
            said = [compiled.ngettext(texts[0], texts[1], count) for count in (1, 2)]
        assert tuple(said) == translations


@pytest.mark.parametrize("language", OTHERS)
def test_every_refusal_and_warning_is_said_in_the_readers_language(language: str) -> None:
    words = gettext.translation("messages", PACKAGE / "translations", [language]).gettext
    values = dict.fromkeys(re.findall(r"%\((\w+)\)s", " ".join(one.sentence for one in REFUSALS.values())), "7")
    for key in REFUSALS:
        code, _, detail = key.partition("/")
        refusal = Refusal(code, {**values, "detail": detail})
        assert refusal_sentence(refusal, words) != refusal.reason
    assert all(warning_sentence(code, words) != warning_sentence(code) for code in WARNINGS)


@pytest.mark.parametrize(
    ("language", "verdict"),
    [
        ("en", "Looks like COVID-19 pneumonia."),
        ("es", "Parece neumonía por COVID-19."),
        ("fr", "Ressemble à une pneumonie à COVID-19."),
        ("hi", "COVID-19 निमोनिया जैसी दिखती है।"),
    ],
)
def test_the_verdict_is_said_in_the_doctors_language(
    language: str,
    verdict: str,
    app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.post("/profile", name="Ada", language=language)
    study = ada.upload(film(1, 8))
    page = ada.get(study).text
    assert f'<html lang="{language}">' in page
    assert verdict in page
    assert ada.get(f"{study}/report.pdf").status_code == 200
    for path in ("/studies", "/studies/new", "/patients", "/statistics", "/profile", "/password", "/second-factor"):
        assert ada.get(path).status_code == 200


def test_a_visitor_is_met_in_the_browsers_language(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    assert "Se connecter" in visit(app).get("/sign-in", headers={"Accept-Language": "fr-CA,fr;q=0.9"}).text
    assert "Sign in" in visit(app).get("/sign-in", headers={"Accept-Language": "ja"}).text


@pytest.mark.parametrize("language", OTHERS)
def test_flask_securitys_own_sentences_are_said_in_the_readers_language(language: str, app: Lungwise) -> None:
    messages = {text[0]: translated[0] for text, translated in catalog(language).items() if text in FLASK_SECURITYS}
    compiled = gettext.translation("messages", PACKAGE / "translations", [language])
    assert len(messages) > 30
    assert all(compiled.gettext(text) == translated != text for text, translated in messages.items())

    with app.test_request_context(headers={"Accept-Language": language}):
        message, _kind = get_message("INVALID_PASSWORD")
    assert message == messages["Invalid password"]
