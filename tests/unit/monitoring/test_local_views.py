"""The page on local accuracy: what it counts, and that every number of it is explained."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from sqlalchemy import update

import synthetic
from lungwise.access import Role
from lungwise.languages import LANGUAGES
from lungwise.monitoring.film_table import FINDINGS
from lungwise.monitoring.local_words import EXPLANATIONS
from lungwise.monitoring.models_in_use import current_model
from lungwise.store import utc_now
from lungwise.studies.models import ReadingRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

STUDIES = 300


@pytest.fixture
def ada(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> Visitor:
    """Give a doctor of a clinic of many studies, of which a third have results."""
    person = enrol(app, "Ada", role=Role.DOCTOR)
    with app.database.session(writes=True) as session:
        synthetic.fill(session, person, STUDIES, utc_now(), to_a_patient=1)
        synthetic.read(session, person, current_model())
        synthetic.enter_results(session, person, 0.3)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    return ada


def explained(page: str) -> dict[str, tuple[str, str]]:
    """The sentence and the example of each number that the page explains."""
    sentence, example = (
        "<span data-sentence>(.*?)</span>",
        '<span class="example" data-example>.*?</strong> (.*?)</span>',
    )
    found = re.findall(rf'data-explains="(\w+)">{sentence} {example}', page)
    return {name: (said, worked) for name, said, worked in found}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_has_a_sentence_and_a_worked_example_in_every_language(ada: Visitor, language: str) -> None:
    page = ada.get("/local-accuracy", headers={"Accept-Language": language}).text
    main = page[page.index("<main") : page.index("</main>")]
    assert f'lang="{language}"' in page
    said = explained(main)
    numbers = set(re.findall(r'data-number="(\w+)"', main))
    assert numbers == set(said) == set(EXPLANATIONS)
    assert all(re.search(r"\d", example) for _sentence, example in said.values())
    if language != "en":
        english = {one.sentence % {"days": 3} for one in EXPLANATIONS.values()}
        assert not english & {sentence for sentence, _example in said.values()}


def test_no_number_of_the_page_is_without_a_name(ada: Visitor) -> None:
    page = ada.get("/local-accuracy").text
    cells = re.findall(r"<td[^>]*>", page[page.index("<main") :])
    assert cells
    assert all("data-number=" in cell for cell in cells)
    assert all("data-number=" in one for one in re.findall(r'<p class="number"[^>]*>\d', page))


def test_the_page_counts_what_is_there(ada: Visitor) -> None:
    page = ada.get("/local-accuracy").text
    numbers = dict(re.findall(r'class="number" data-number="(\w+)">(\d+)<', page))
    assert int(numbers["tested"]) == int(numbers["positives"]) + int(numbers["negatives"]) > 0
    assert int(numbers["tested"]) < int(numbers["patients"]) <= STUDIES
    chart = page[page.index('<svg class="chart" role') :]
    drawn = ElementTree.fromstring(chart[: chart.index("</svg>") + len("</svg>")])
    assert len(list(drawn.iter("circle"))) == 2
    assert "in force" in page


@pytest.mark.parametrize("finding", FINDINGS)
def test_each_finding_has_its_page(ada: Visitor, finding: str) -> None:
    answer = ada.get("/local-accuracy", query_string={"finding": finding})
    assert answer.status_code == 200
    assert ("No result counts" in answer.text) == (finding != "COVID-19")


def test_an_unknown_finding_is_not_there_and_a_health_worker_sees_nothing(
    app: Lungwise, ada: Visitor, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    assert ada.get("/local-accuracy?finding=gout").status_code == 404
    enrol(app, "Wim", role=Role.HEALTH_WORKER)
    wim = visit(app)
    wim.sign_in("wim@example.org")
    assert wim.get("/local-accuracy").status_code == 404


def test_a_clinic_without_films_is_told_so(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Eve", "Valley", Role.DOCTOR)
    eve = visit(app)
    eve.sign_in("eve@example.org")
    used = current_model()
    assert f"The model in use, {used}, has not read a film here yet." in eve.get("/local-accuracy").text


def test_films_of_the_model_before_are_not_judged_by_the_thresholds_of_the_new_one(app: Lungwise, ada: Visitor) -> None:
    assert "has not read a film here yet" not in ada.get("/local-accuracy").text
    with app.database.writing() as session:
        session.execute(update(ReadingRecord).values(version="1.0.0"))
    assert "has not read a film here yet" in ada.get("/local-accuracy").text
