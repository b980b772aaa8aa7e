"""The pages of statistics and drift, as an administrator sees them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from lungwise.access import Role
from lungwise.monitoring.drift import Drift, Spread, read_reference
from lungwise.studies.models import ReadingRecord
from processes import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def test_the_clinics_answers_stand_beside_the_cards(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes], blank: bytes
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1, 8), blank)
    until(lambda: ada.get(f"{study}/progress").json == {"films": 2, "read": 2, "before": 0, "done": True})
    reference = read_reference()
    with app.database.writing() as session:  # as if the shipped model had read them
        session.execute(update(ReadingRecord).values(model=reference.model.name, version=reference.model.version))
    page = ada.get("/drift").text
    chart = ElementTree.fromstring(page[page.index('<svg class="chart" role') : page.index("</svg>") + len("</svg>")])
    kinds = [box.get("class") for box in chart.iter("rect")]
    assert kinds.count("band4") == 2  # the card's, and the film's
    assert kinds[-1] == "refused"
    assert str(reference.spread.films) in page
    assert "<strong>Too early to tell.</strong> A week is compared once it has at least 100 films" in page
    assert 'href="/drift" aria-current="page"' in page


def test_the_statistics_count_a_study_and_its_pcr_result(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1, 8))
    list(app.worker.read_all())
    ada.post(f"{study}/opinions", page=study, conclusion="COVID-19")
    ada.post(f"{study}/results", page=study, kind="pcr", result="positive", tested_on="2026-03-02", reason="symptoms")
    page = ada.get("/statistics").text
    assert len(re.findall(r'class="number">100\s%', page)) == 2  # agreement and sensitivity
    assert "1 of 1 were called positive. The others were missed." in page
    assert "The others were false alarms." not in page  # nothing is said of what was not counted
    assert "1 of 1" in page and "No negative PCR results recorded yet." in page


BANDS = {"alike": (60, 20, 10, 10, 20), "other": (5, 5, 10, 30, 70)}
"""Films of a week by probability."""


@pytest.mark.parametrize(
    ("weeks", "answer", "said"),
    [
        (("alike", "alike", "alike"), "Yes.", "all 2 weeks that could be compared are like those of the weeks before"),
        (("alike", "alike", "other"), "No.", "in the week starting: 2 Mar 2026."),
    ],
)
def test_the_page_answers_its_question_in_words(
    weeks: tuple[str, ...],
    answer: str,
    said: str,
    app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    counted = [Spread(bands=(0,) * 5, refused=0)] * (26 - len(weeks))
    counted += [Spread(bands=BANDS[week], refused=0) for week in weeks]
    monkeypatch.setattr(Drift, "_spreads", lambda *_: counted)
    page = ada.get("/drift").text
    assert f"<strong>{answer}</strong>" in page
    assert said in page
    far = max(spread.distance(read_reference().spread) or 0 for spread in counted[-1:])
    assert ("not like those that the model was checked on" in page) is (far >= 0.25)
