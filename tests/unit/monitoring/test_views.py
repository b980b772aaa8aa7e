"""The pages of statistics and drift, as an administrator sees them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, update

import synthetic
from lungwise.access import Role
from lungwise.cli.bootstrap import make_watch
from lungwise.languages import LANGUAGES
from lungwise.monitoring.cusum import BASELINE
from lungwise.monitoring.drift import FEWEST_FILMS, Drift, Spread, read_reference
from lungwise.monitoring.watch_words import EXPLANATIONS
from lungwise.monitoring.watch_worker import WeeklyWatch
from lungwise.studies.models import Opinion, ReadingRecord, Study, monday
from processes import until
from watched import RIGHT, WRONG, open_studies, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
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
    chart = drawn(page)
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
    assert "1 of 1 were called positive. Any others were missed." in page
    assert "Any others were false alarms." not in page  # nothing is said of what was not counted
    assert "1 of 1" in page and "No negative PCR results recorded yet." in page


def test_a_share_of_nearly_all_is_not_said_to_be_all(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], clock: Clock
) -> None:
    person = enrol(app, "Ada")
    with app.database.session(writes=True) as session:
        synthetic.fill(session, person, 200, clock(), to_a_patient=1)
        said = {"status": "negative", "conclusion": "no COVID-19", "week": monday(clock().date())}
        session.execute(update(Study).values(said))
        session.execute(
            update(Study).where(Study.id == select(func.max(Study.id)).scalar_subquery()).values(status="positive")
        )
        session.commit()
    ada = visit(app)
    ada.sign_in("ada@example.org")
    page = ada.get("/statistics").text
    assert "In 199 of 200 studies the doctor and a sure verdict said the same" in page
    assert re.search(r'class="number">&gt;\s99\s%<', page)


def drawn(page: str) -> ElementTree.Element:
    """The first chart of a page, with its axis."""
    chart = page[page.index('<div class="chart along"') :]
    return ElementTree.fromstring(chart[: chart.index("</div>") + len("</div>")])


def explained(page: str) -> dict[str, tuple[str, str]]:
    """The sentence and the example of each number that a page explains."""
    sentence, example = (
        "<span data-sentence>(.*?)</span>",
        r'<span class="example" data-example>.*?</strong> (.*?)</span>',
    )
    found = re.findall(rf'data-explains="(\w+)">{sentence} {example}', page)
    return {name: (said, worked) for name, said, worked in found}


@pytest.fixture
def watched(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], clock: Clock) -> Visitor:
    """Give an administrator of a clinic whose model has begun to miss patients."""
    person = enrol(app, "Ada", role=Role.ADMINISTRATOR)
    with app.database.session(writes=True) as session:
        open_studies(session, person, 60, clock())
        verify(session, person, [RIGHT] * BASELINE + [WRONG] * 8)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    return ada


def test_an_alarm_stands_on_the_worklist_until_an_administrator_acknowledges_it(
    app: Lungwise, watched: Visitor, visit: Callable[..., Visitor], enrol: Callable[..., Person], settings: Settings
) -> None:
    (part,) = make_watch(app.database, settings)
    assert isinstance(part, WeeklyWatch)
    part.work()
    said = "COVID-19: the model misses more patients than before."
    assert said in watched.get("/studies").text
    enrol(app, "Dora")
    dora = visit(app)
    dora.sign_in("dora@example.org")
    assert said not in dora.get("/studies").text
    page = watched.get("/drift").text
    assert page.count(said) == 1
    chart = drawn(page[page.index("Does it make more mistakes than before?") :])
    assert len(list(chart.iter("polyline"))) == 1
    key = re.findall("/drift/alarms/(\\w+)/acknowledge", page)[0]
    answer = watched.post(f"/drift/alarms/{key}/acknowledge", page="/drift", follow=True)
    assert "Acknowledged by Ada on" in answer.text
    assert said not in watched.get("/studies").text


def fill(session: Session, person: Person, now: datetime) -> None:
    """Give a clinic films of two times, read by the shipped model, some refused, with results and opinions."""
    synthetic.fill(session, person, 300, now, to_a_patient=1)
    synthetic.read(session, person, read_reference().model)
    synthetic.enter_results(session, person, 0.8)
    this_week = monday(now.date())
    session.execute(update(Study).values(week=this_week - timedelta(weeks=6)))
    session.execute(update(Study).where(Study.id % 2 == 0).values(week=this_week))
    refused = {"probability": None, "verdict": None, "refusal_code": "too-dark"}
    session.execute(update(ReadingRecord).where(ReadingRecord.id % 20 == 0).values(**refused))
    session.execute(update(ReadingRecord).values(gate=0.9, grey=0.5, contrast=0.8))
    said = {"author_id": person.id, "author_name": "Ada", "author_role": "doctor", "note": ""}
    for study in session.scalars(select(Study.id).limit(40)):
        opinion = Opinion(key=f"o{study}", study_id=study, created_at=now, conclusion="COVID-19", **said)
        session.add(opinion)
    session.commit()


def test_every_number_has_a_sentence_and_a_worked_example_in_every_language(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], clock: Clock
) -> None:
    person = enrol(app, "Ada", role=Role.ADMINISTRATOR)
    with app.database.session(writes=True) as session:
        fill(session, person, clock())
    ada = visit(app)
    ada.sign_in("ada@example.org")
    for language in LANGUAGES:
        page = ada.get("/drift", headers={"Accept-Language": language}).text
        main = page[page.index("<main") : page.index("</main>")]
        numbers, said = set(re.findall(r'data-number="(\w+)"', main)), explained(main)
        assert numbers == set(said) == set(EXPLANATIONS)
        assert all(re.search(r"\d", example) for _sentence, example in said.values())
        english = {one.sentence for one in EXPLANATIONS.values()} & {sentence for sentence, _example in said.values()}
        assert language == "en" or not english
        assert all("data-number=" in cell for cell in re.findall(r"<td[^>]*>", main))


BANDS = {"alike": (60, 20, 10, 10, 20), "other": (5, 5, 10, 30, 70), "less": (5, 5, 9, 20, 60), "few": (0, 0, 0, 0, 9)}
"""Films of a week by probability."""


@pytest.mark.parametrize(
    ("weeks", "answer", "said"),
    [
        (
            ("alike", "alike", "alike"),
            "Yes.",
            "The answers of the last week that is over are like those of the 4 weeks before it.",
        ),
        (("alike", "alike", "other"), "No.", "in the week starting: 2 Mar 2026."),
        (
            ("alike", "alike", "less", "less", "less", "less", "few"),
            "No.",
            "The answers of the 4 weeks from 2 Feb 2026 on",
        ),
        (
            ("alike", *["less"] * 17),
            "Yes.",
            "of the last 4 weeks that are over are like those of the 12 weeks before them.",
        ),
        (("alike", "alike", *["few"] * 20), "Not known.", "last week that could be compared started on 3 Nov 2025"),
        (
            ("few", "few"),
            "Too early to tell.",
            "Where films are fewer, the last 4 weeks are compared with the 12 weeks",
        ),
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
    recent = counted[-5:]
    newest = next((one for one in reversed(recent) if one.films >= FEWEST_FILMS), Spread.sum_of(recent))
    far = newest.distance(read_reference().spread) or 0
    assert ("not like those that the model was checked on" in page) is (far >= 0.25)
