"""The page on a clinic's own thresholds, as each role: what it shows, who proposes, who confirms, who goes back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select

import synthetic
from lungwise.access import Role
from lungwise.jobs.reading_queue import Model
from lungwise.languages import LANGUAGES
from lungwise.monitoring.threshold_words import THRESHOLD_EXPLANATIONS
from lungwise.reading.artefact import shipped_card
from lungwise.studies.models import ReferenceResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

PAGE = "/local-accuracy/thresholds"
CARD = shipped_card()
SEEING = (Role.DOCTOR, Role.RADIOLOGIST)


@pytest.fixture
def sign_in(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> Callable[..., Visitor]:
    """Give what opens an account and signs it in."""

    def sign_in(name: str, role: Role = Role.ADMINISTRATOR) -> Visitor:
        enrol(app, name, role=role)
        visitor = visit(app)
        visitor.sign_in(f"{name}@example.org".lower())
        return visitor

    return sign_in


@pytest.fixture
def ada(app: Lungwise, sign_in: Callable[..., Visitor], enrol: Callable[..., Person], clock: Clock) -> Visitor:
    """Give an administrator of a clinic whose films the shipped model has read, and whose patients were tested."""
    person = enrol(app, "Filler", role=Role.DOCTOR)
    with app.database.session(writes=True) as session:
        synthetic.fill(session, person, 700, clock(), to_a_patient=1)
        synthetic.read(session, person, Model(name=CARD.name, version=CARD.version))
        synthetic.enter_results(session, person, 0.6)
    return sign_in("Ada")


def explained(page: str) -> dict[str, tuple[str, str]]:
    sentence, example = (
        "<span data-sentence>(.*?)</span>",
        '<span class="example" data-example>.*?</strong> (.*?)</span>',
    )
    found = re.findall(rf'data-explains="(\w+)">{sentence} {example}', page)
    return {name: (said, worked) for name, said, worked in found}


def key_of(page: str) -> str:
    found = re.search(r"/local-accuracy/thresholds/([0-9a-f]{20})/", page)
    assert found, page
    return found[1]


def test_every_number_has_a_sentence_and_a_worked_example_in_every_language(ada: Visitor) -> None:
    english: set[str] = set()
    for language in ("en", *(one for one in LANGUAGES if one != "en")):
        page = ada.get(PAGE, headers={"Accept-Language": language}).text
        main = page[page.index("<main") : page.index("</main>")]
        said = explained(main)
        assert set(re.findall(r'data-number="(\w+)"', main)) == set(said) == set(THRESHOLD_EXPLANATIONS)
        assert all(re.search(r"\d", example) for _sentence, example in said.values())
        cells = re.findall(r"<td([^>]*)>([^<]*)", main)
        assert all("data-number=" in about for about, text in cells if text.strip())
        sentences = {sentence for sentence, _example in said.values()}
        assert not english & sentences
        english = english or sentences


def test_one_proposes_another_confirms_and_anyone_goes_back(ada: Visitor, sign_in: Callable[..., Visitor]) -> None:
    ben = sign_in("Ben")
    before = ada.get(PAGE).text
    assert "The model's own thresholds are in force." in before
    assert "Propose these thresholds" in before
    page = ada.post(f"{PAGE}/propose", PAGE, finding="COVID-19", follow=True).text
    key = key_of(page)
    assert "Another administrator must confirm" in page
    assert "Confirm and put in force" not in page
    refused = ada.post(f"{PAGE}/{key}/confirm", PAGE, code="123456")
    assert "Another administrator must confirm" in refused.text
    assert "waits for you to confirm" in ben.get("/studies").text
    assert "waits for you to confirm" not in ada.get("/studies").text
    theirs = ben.get(PAGE).text
    assert "Confirm and put in force" in theirs and "second factor" not in theirs[theirs.index("<main") :]
    assert "data-number" in theirs
    confirmed = ben.post(f"{PAGE}/{key}/confirm", PAGE, follow=True).text
    assert f"Thresholds of the clinic's own are in force: {key}." in confirmed
    assert "Approved by Ada, Ben," in confirmed
    assert "already" in confirmed
    assert key in ada.get("/local-accuracy").text
    back = ada.post(f"{PAGE}/shipped/go-back", PAGE, finding="COVID-19", follow=True).text
    assert "The model's own thresholds are in force." in back
    again = ben.post(f"{PAGE}/{key}/go-back", PAGE, follow=True).text
    assert f"are in force: {key}." in again
    trail = ada.get("/audit").text
    assert trail.count(key) == 3
    assert "went back to: thresholds" in trail


def test_what_the_results_bear_no_longer_cannot_be_confirmed(
    app: Lungwise, ada: Visitor, sign_in: Callable[..., Visitor]
) -> None:
    ben = sign_in("Ben")
    ada.post(f"{PAGE}/propose", PAGE, finding="COVID-19")
    key = key_of(ada.get(PAGE).text)
    assert "Confirm and put in force" in ben.get(PAGE).text
    with app.database.writing() as session:
        session.execute(delete(ReferenceResult))
    page = ben.get(PAGE).text
    assert "these thresholds would not be proposed" in page and "Confirm and put in force" not in page
    assert "these thresholds would not be proposed" in ben.post(f"{PAGE}/{key}/confirm", PAGE).text
    assert "The model's own thresholds are in force." in ben.get(PAGE).text


def test_what_fewer_results_would_not_bear_cannot_be_confirmed(
    app: Lungwise, ada: Visitor, sign_in: Callable[..., Visitor]
) -> None:
    """Both thresholds take 61 patients with the finding; the results of all but 45 are taken back."""
    ben = sign_in("Ben")
    ada.post(f"{PAGE}/propose", PAGE, finding="COVID-19")
    key = key_of(ada.get(PAGE).text)
    with app.database.writing() as session:
        positive = select(ReferenceResult.id).where(ReferenceResult.result == "positive").order_by(ReferenceResult.id)
        kept = list(session.scalars(positive.limit(45)))
        gone = ReferenceResult.result == "positive", ReferenceResult.id.not_in(kept)
        session.execute(delete(ReferenceResult).where(*gone))
    assert "these thresholds would not be proposed" in ben.get(PAGE).text
    assert "these thresholds would not be proposed" in ben.post(f"{PAGE}/{key}/confirm", PAGE).text
    assert "The model's own thresholds are in force." in ben.get(PAGE).text


def test_nobody_else_moves_them(ada: Visitor, sign_in: Callable[..., Visitor]) -> None:
    others = [sign_in(role.value, role) for role in SEEING]
    wim = sign_in("Wim", Role.HEALTH_WORKER)
    assert "Propose these thresholds" not in others[0].get(PAGE).text
    assert wim.get(PAGE).status_code == 404
    ada.post(f"{PAGE}/propose", PAGE, finding="COVID-19")
    key = key_of(ada.get(PAGE).text)
    for visitor in (*others, wim):
        for path in ("propose", f"{key}/confirm", f"{key}/reject", f"{key}/go-back", "shipped/go-back"):
            answer = visitor.post(f"{PAGE}/{path}", "/profile", finding="COVID-19", code="1")
            assert answer.status_code == 404, path
    assert all("<button>Confirm" not in visitor.get(PAGE).text for visitor in others)
    assert ada.get(f"{PAGE}?finding=normal").status_code == 404
    assert ada.post(f"{PAGE}/{'0' * 20}/confirm", PAGE).status_code == 404
    taken_back = ada.post(f"{PAGE}/{key}/reject", PAGE, follow=True).text
    assert "Rejected by Ada" in taken_back and "Put in force again" not in taken_back


def test_a_single_administrator_gives_a_code_a_day_later(
    app: Lungwise, ada: Visitor, visit: Callable[..., Visitor], clock: Clock, authenticator: Callable[..., str]
) -> None:
    ada.post(f"{PAGE}/propose", PAGE, finding="COVID-19")
    page = ada.get(PAGE).text
    key = key_of(page)
    assert "you can confirm it from" in page and 'name="code"' not in page
    clock.forward(hours=25)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    page = ada.get(PAGE).text
    assert 'name="code"' in page
    assert "You have no second factor" in ada.post(f"{PAGE}/{key}/confirm", PAGE, code="123456").text
    set_up = "/second-factor"
    found = re.search(r"Key: <code>([^<]+)", ada.post(set_up, setup="authenticator").text)
    assert found
    secret = found[1].replace("-", "")
    ada.post(set_up, code=authenticator(secret, -1))
    assert "This code is wrong" in ada.post(f"{PAGE}/{key}/confirm", PAGE, code="000000").text
    confirmed = ada.post(f"{PAGE}/{key}/confirm", PAGE, follow=True, code=authenticator(secret)).text
    assert f"are in force: {key}." in confirmed


def test_a_clinic_without_films_or_tests_is_told_so(sign_in: Callable[..., Visitor]) -> None:
    eve = sign_in("Eve")
    assert "has read no film here yet" in eve.get(PAGE).text
    answer = eve.post(f"{PAGE}/propose", PAGE, finding="COVID-19")
    assert "nothing to propose any more" in answer.text
