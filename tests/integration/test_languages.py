"""Every page, and what forms and errors say, in every language: no English is left but names."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from babel.messages.pofile import read_po
from flask_security.recoverable import generate_reset_password_token
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from dicom_files import dicom_bytes, film_dataset
from lungwise.access import PEOPLE, Role
from lungwise.accounts import notices
from lungwise.accounts.letters import invitation_letter, recovery_letter, registration_letter, words_for
from lungwise.accounts.models import User
from lungwise.accounts.notices import NOTICES
from lungwise.accounts.outbox import Letter
from lungwise.accounts.service import Accounts, Applicant
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.films import Refusal
from lungwise.films.refusals import REFUSALS, WARNINGS, refusal_sentence, warning_sentence
from lungwise.languages import LANGUAGES, TRANSLATIONS, words_of
from lungwise.patients.models import Patient
from lungwise.settings import Settings
from lungwise.store import utc_now
from lungwise.studies.models import FilmRecord, JobState, ReadingRecord, Study
from lungwise.studies.object_models import HeldFilm
from page_words import words_of_page
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

OTHERS = [language for language in LANGUAGES if language != "en"]
NAMES = frozenset(
    re.findall(
        r"\S+",
        """
        Lungwise COVID PCR SpO Xpert MTB RIF DICOM SOP Instance UID UIDs UTC PDF CSV ZIP JPEG PNG WebP TIFF BMP QR API
        REST kB MONOCHROME RGB Explicit VR Little Endian Lossless AP PA MB Digital Image Presentation Secondary Capture
        Enter Shift Tab Esc DHIS HL AE DX CR RG XC
        """,
    )
)
"""Names of products, of standards and of keys, which are the same everywhere."""
WRITTEN = frozenset(
    re.findall(r"\S+", "English Ada Bob Carl Béla Bartók Lovelace Two Hill Archive Script Werkzeug synthetic siim val")
)
"""Names of people and things that this test made, and English's own."""
IDENTIFIERS = re.compile(
    r"\S+@\S+|https?://\S+|\b[A-Z]+-\w+|\b[0-9a-f]{12,}\b|%\(?\w*\)?s?|\{\w+\}|\d\S*|\S+_\S+|\.[a-z]+\b"
    r"|lungwise( [a-z-]+){1,2}"
)
"""Addresses, numbers, keys, places for values, names of settings and endings of files."""
CITY = re.compile(r".+ \(UTC[+-]\d\d:\d\d\)")
"""A city with its time: many are called alike in languages that write alike."""
POSTED: dict[str, dict[str, Any]] = {
    "/profile": {"name": ""},
    "/password": {"password": "wrong", "new_password": "short", "new_password_confirm": "other"},
    "/accounts": {"email": "nobody"},
    "/clinic": {"name": "", "letterhead": "1\n2\n3\n4\n5\n6\n7", "prevalence": "many", "registration": "all"},
    "/profile/tokens": {"name": "", "days": "7"},
    "/studies/new": {"birth_date": "3000-01-01"},
    "/patients": {"text": "nobody of this name"},
    "/studies": {"text": "nobody of this name", "since": "never"},
    "/verify": {"password": "wrong"},
}
"""What each page's form answers to what is wrong."""
DOORS: dict[str, dict[str, Any]] = {
    "/register": {"name": "", "email": "nobody", "password": "short", "again": "other"},
    "/sign-in": {"email": "ada@example.org", "password": "a wrong one"},
    "/password/forgotten": {"email": "nobody"},
}


@dataclass(frozen=True)
class Site:
    """An installation in which there is something of each kind."""

    app: Lungwise
    keys: dict[str, list[str]]
    links: tuple[str, ...]
    """Of an invitation, and to choose a new password."""
    silent: set[str] = field(default_factory=set)
    """What was no page in one language: pictures, documents, and what scripts ask for."""


def _film(number: int, name: str, **more: object) -> bytes:
    who = {"PatientID": "P-7", "PatientName": name, "PatientSex": "F", "PatientBirthDate": "19500102"}
    uid = {"SOPInstanceUID": f"1.2.826.0.7.{number}", "StudyInstanceUID": f"1.2.826.0.8.{number}"}
    return dicom_bytes(film_dataset(chest_bytes(seed=number), **{**who, **uid, **more}))


@pytest.fixture
def site(
    app: Lungwise,
    settings: Settings,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
    blank: bytes,
) -> Site:
    first = enrol(app, "Ada", role=Role.ADMINISTRATOR)
    enrol(app, "Bob", role=Role.RADIOLOGIST)
    visit(app).sign_in("bob@example.org")
    with app.database.writing() as session:
        trail = AuditTrail(session, utc_now)
        accounts = Accounts(session, utc_now, settings, trail)
        accounts.register(Applicant("Carl", "carl@example.org", "four words are enough"), first.clinic_id)
        invitation = accounts.invitations.add(first, "rita@example.org", Role.RADIOLOGIST)
        Tokens(session, utc_now, trail).add(first, "Script", [Scope.UPLOAD, Scope.EXPORT], 90)
        Tokens(session, utc_now, trail).add(first, "Archive", [], 90, machine=True)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    several = ada.upload(film(1, 8), film(2, 0), blank, name="Béla Bartók", identifier="D-1", sex="M")
    ada.get(several)
    _refuse(app)
    ada.post(f"{several}/opinions", page="/profile", agrees="no", note="Script")
    ada.upload(film(3), identifier="D-1")
    ada.post("/studies/new", camera=[(io.BytesIO(film(4)), "1.jpg")])
    for number, name in ((1, "Lovelace^Ada"), (2, "Two^Bob")):
        ada.post("/studies/new", films=[(io.BytesIO(_film(number, name)), "a.dcm")])
    ada.post("/studies/new", films=[(io.BytesIO(_film(1, "Lovelace^Ada", PatientID="P-9")), "a.dcm")])
    stuck = ada.upload(film(9), identifier="D-9")
    ada.get(stuck)
    with app.database.writing() as session, app.app_context():
        _break(session, stuck.rsplit("/", 1)[1])
        token = str(generate_reset_password_token(_user(session, "ada@example.org")))  # type: ignore[no-untyped-call]
    ada.post("/profile", name="Ada")
    return Site(app, _keys(app), (f"/invitation/{invitation}", f"/password/forgotten/{token}"))


def _refuse(app: Lungwise) -> None:
    """Give the film that was not read a cause that Lungwise itself has."""
    with app.database.writing() as session:
        for reading in session.scalars(select(ReadingRecord).where(ReadingRecord.refusal_code.is_not(None))):
            reading.refusal_code = "too-dark"


def _break(session: Session, key: str) -> None:
    """Let the reading of a study's film fail."""
    (record,) = session.scalars(select(Study).where(Study.key == key)).one().films
    for reading in session.scalars(select(ReadingRecord).where(ReadingRecord.film_id == record.id)):
        session.delete(reading)
    for job in record.jobs:
        job.state, job.attempts, job.error = JobState.FAILED, 5, "MemoryError"


def _user(session: Session, email: str) -> User:
    return session.scalars(select(User).where(User.email == email)).one()


def _keys(app: Lungwise) -> dict[str, list[str]]:
    tables = {"patients": Patient, "studies": Study, "films": FilmRecord, "accounts": User, "held": HeldFilm}
    with app.database.reading() as session:
        return {noun: list(session.scalars(select(table.key))) for noun, table in tables.items()}  # type: ignore[attr-defined]


def _paths(site: Site) -> Iterator[str]:
    """Give the address of every page, of each thing that it is of."""
    for rule in site.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and "<path:" not in rule.rule:
            yield from _filled(rule, site)


def _filled(rule: Rule, site: Site) -> list[str]:
    if "<token>" in rule.rule:
        return [link for link in site.links if link.startswith(rule.rule.split("<")[0])]
    if "<role>" in rule.rule:
        return [rule.rule.replace("<role>", role) for role in PEOPLE]
    keys = site.keys.get(rule.rule.split("/")[1], [])
    return [rule.rule.replace("<key>", key) for key in keys] if "<key>" in rule.rule else [rule.rule]


def said(site: Site, visit: Callable[..., Visitor], language: str) -> Iterator[tuple[str, str]]:
    """Give each page's address, and each of its texts."""
    stranger, ada = visit(site.app), visit(site.app)
    for visitor in (stranger, ada):
        visitor.client.set_cookie("language", language)
    pages = [(path, stranger.post(path, **fields)) for path, fields in DOORS.items()]
    pages += [(path, stranger.get(path)) for path in (*DOORS, *site.links, "/api/v1/")]
    ada.sign_in("ada@example.org")
    pages += [(path, ada.post(path, **fields)) for path, fields in POSTED.items()]
    paths = [path for path in _paths(site) if path not in site.silent]
    pages += [(path, ada.get(path)) for path in (*paths, "/nothing", "/audit?action=none", "/studies?after=x")]
    pages += [("/profile", ada.client.post("/profile")), ("/profile", ada.post("/profile", name="x" * 2000))]
    for path, page in pages:
        assert page.status_code < 500, path
        if page.mimetype != "text/html":
            site.silent.add(path)
        if page.mimetype == "text/html" and page.status_code not in (301, 302, 303):
            assert f'<html lang="{language}"' in page.text, path
            yield from ((path, text) for text in words_of_page(page.text))


def catalogue(language: str) -> dict[str, str]:
    path = Path(TRANSLATIONS) / language / "LC_MESSAGES/messages.po"
    with path.open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file) if one.id and isinstance(one.id, str)}


def _pattern(sentence: str) -> re.Pattern[str]:
    """Match a sentence, whatever its values are."""
    return re.compile(re.sub(r"%\\\(\w+\\\)s", ".+", re.escape(sentence)))


def foreign(text: str) -> list[str]:
    """Words in Latin letters that are no names."""
    words = re.findall(r"[^\W\d_]{2,}", IDENTIFIERS.sub(" ", text))
    return [word for word in words if word.isascii() and word not in NAMES | WRITTEN]


def _as_in_english(language: str, texts: set[tuple[str, str]], english: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """List texts that are as in English, though no translation says so."""
    same = [_pattern(sentence) for sentence, translated in catalogue(language).items() if sentence == translated]
    written = {text for _path, text in english}
    left = [(path, text) for path, text in texts if text in written and foreign(text) and not CITY.fullmatch(text)]
    return [one for one in left if not any(kept.fullmatch(one[1].removesuffix(" · Lungwise")) for kept in same)]


def _of_the_catalogue(language: str, texts: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """List texts that hold a sentence of the catalogue in English."""
    sentences = [(english, said) for english, said in catalogue(language).items() if english.count(" ") > 1]
    patterns = [_pattern(english) for english, translated in sentences if english != translated]
    all_texts = "\n".join(text for _path, text in texts)  # a value is never longer than a text: it holds no line's end
    said = [pattern for pattern in patterns if pattern.search(all_texts)]
    return [one for one in texts if any(pattern.search(one[1]) for pattern in said)]


def test_no_page_says_anything_in_english_but_names(site: Site, visit: Callable[..., Visitor]) -> None:
    pages = {language: set(said(site, visit, language)) for language in LANGUAGES}
    assert len({path for path, _text in pages["en"]}) > 40
    assert [one for one in pages["hi"] if foreign(one[1])] == []
    for language in OTHERS:
        assert _as_in_english(language, pages[language], pages["en"]) == []
        assert _of_the_catalogue(language, pages[language]) == []


def test_in_hindi_no_refusal_or_warning_has_a_word_in_latin_letters_but_names() -> None:
    words = words_of("hi")
    values = dict.fromkeys(re.findall(r"%\((\w+)\)s", " ".join(one.sentence for one in REFUSALS.values())), "7")
    sentences = [
        refusal_sentence(Refusal(code.split("/")[0], {**values, "detail": code.partition("/")[2]}), words)
        for code in REFUSALS
    ]
    sentences += [warning_sentence(code, words) for code in WARNINGS]
    assert [one for one in sentences if foreign(one)] == []


def mails(app: Lungwise, user: User, language: str) -> Iterator[str]:
    """Give what each mail says, in a request of a language."""
    settings = Settings(public_url="https://films.example.org")
    words, told = words_of(language), list[Letter]()
    written = [
        recovery_letter(user, settings, words),
        invitation_letter("rita@example.org", "https://films.example.org/invitation/1", words),
        *(registration_letter("rita@example.org", words, opened=opened) for opened in (True, False)),
    ]
    with app.test_request_context(headers={"Accept-Language": language}), pytest.MonkeyPatch.context() as patch:
        outbox = SimpleNamespace(add=lambda _kind, letter: told.append(letter))
        patch.setattr(notices, "services", lambda: SimpleNamespace(outbox=outbox))
        for action in NOTICES:
            notices.send(user, action)
    for letter in (*written, *told):
        yield from (letter.subject, *filter(None, letter.text.splitlines()))


@pytest.mark.parametrize("language", OTHERS)
def test_no_mail_says_anything_in_english(
    language: str, app: Lungwise, enrol: Callable[..., Person], settings: Settings
) -> None:
    enrol(app, "Ada")
    with app.database.reading() as session:
        user = _user(session, "ada@example.org")
        english, texts = set(mails(app, user, "en")), set(mails(app, user, language))
    assert len(texts) == len(english) > 15
    links = {text for text in texts if text.startswith("https://")}
    assert {text for text in texts - links if text in english} == set()
    assert language != "hi" or [text for text in texts - links if foreign(text)] == []


def test_a_mail_is_in_its_readers_language_whoever_caused_it(app: Lungwise, enrol: Callable[..., Person]) -> None:
    enrol(app, "Ada")
    with app.database.writing() as session:
        user = _user(session, "ada@example.org")
        user.language = "fr"
        assert words_for(user, str)("Your invitation to Lungwise") == "Votre invitation à Lungwise"
        assert "Votre mot de passe a été changé." in " ".join(mails(app, user, "en"))
