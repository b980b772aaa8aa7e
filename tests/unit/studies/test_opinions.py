"""An opinion is of the answer that its author saw."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from lungwise.errors import Contradiction
from lungwise.patients.service import PatientFacts
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.models import ReadingRecord, Study
from lungwise.studies.service import Conclusion
from report_texts import text_of_pdf

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Services, Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def test_nobody_agrees_with_an_answer_that_has_changed_since(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    key = services.studies.open(person, PatientFacts(), [("a", film(1))]).key
    services.read_all()
    seen = services.studies.get(person, key).answer_version
    services.studies.add_films(person, key, [("b", film(2))])
    services.read_all()
    services.session.expire_all()

    for said in ({"agrees": True}, {"agrees": False}, {"conclusion": Diagnosis.NORMAL}, {"note": "clear"}):
        with pytest.raises(Contradiction, match="since you opened this page"):
            services.studies.conclude(person, key, Conclusion(**said, answer_version=seen))

    now = services.studies.get(person, key).answer_version
    assert services.studies.conclude(person, key, Conclusion(agrees=True, answer_version=now)).agrees


def test_nobody_agrees_with_a_verdict_that_is_still_to_come(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    key = services.studies.open(person, PatientFacts(), [("a", film(1))]).key
    for agrees in (True, False):
        with pytest.raises(Contradiction, match="read yet"):
            services.studies.conclude(person, key, Conclusion(agrees=agrees))
    services.studies.conclude(person, key, Conclusion(note="Came coughing"))


def test_who_says_the_same_of_the_same_answer_again_has_said_it_once(
    either_services: Services, clock: Clock, film: Callable[..., bytes]
) -> None:
    services, ada, bob = either_services, either_services.person(), either_services.person("Bob")
    key = services.studies.open(ada, PatientFacts(), [("a", film(1))]).key
    services.read_all()
    said = Conclusion(agrees=True, note="clear ")
    first = services.studies.conclude(ada, key, said)
    assert services.studies.conclude(ada, key, said) is first

    def conclude(who: Person, entered: Conclusion, opinions: int) -> None:
        clock.forward(minutes=1)
        services.studies.conclude(who, key, entered)
        assert len(services.studies.get(ada, key).opinions) == opinions

    conclude(ada, said, 1)
    conclude(bob, said, 2)
    conclude(ada, said, 3)  # in spite of what Bob said
    conclude(ada, Conclusion(note="clear"), 4)
    clock.forward(minutes=1)
    services.studies.add_films(ada, key, [("b", film(2))])
    services.session.expire_all()
    conclude(ada, Conclusion(note="clear"), 5)
    clock.forward(minutes=1)
    services.read_all()
    conclude(ada, Conclusion(note="clear"), 6)


def test_the_form_says_what_agreeing_records(
    app: Lungwise, ada: Visitor, clock: Clock, film: Callable[..., bytes]
) -> None:
    study = ada.upload(film(1))
    normal = {"normal": 0.6, "COVID-19": 0.01, "other pneumonia": 0.0, "tuberculosis": 0.31}

    def read(pattern: str | None, findings: dict[str, float]) -> str:
        values = {"verdict": "negative", "probability": 0.01, "findings": findings, "pattern": pattern}
        values |= {"raised": [pattern] if pattern else [], "normal_called": pattern is None}
        with app.database.writing() as session:
            session.execute(update(ReadingRecord).values(**values))
            session.execute(update(Study).values(status="negative", pattern=pattern or ""))
        ada.post(f"{study}/opinions", page=study, agrees="yes")
        return ada.get(study).text

    said = "“I agree” without a conclusion of your own records: "
    possible = read("tuberculosis", normal)
    assert "Tuberculosis is possible" in possible
    assert f"{said}Uncertain." in possible
    assert re.search(r"Agrees with the verdict</strong>\s+Conclusion: Uncertain\.", possible)
    clock.now += timedelta(minutes=1)
    suggested = read("tuberculosis", {**normal, "normal": 0.1})
    assert f"{said}Tuberculosis." in suggested
    assert re.search(r"Agrees with the verdict</strong>\s+Conclusion: Tuberculosis\.", suggested)
    assert f"{said}Normal." in read(None, {**normal, "normal": 0.999, "tuberculosis": 0.0})


def test_a_page_that_is_still_open_agrees_with_nothing_that_came_later(
    app: Lungwise, ada: Visitor, clock: Clock, film: Callable[..., bytes]
) -> None:
    study = ada.upload(film(1))
    page = ada.get(study).text
    (seen,) = re.findall(r'name="answer_version"[^>]* value="(\w+)"', page)
    ada.post(f"{study}/opinions", page=study, conclusion="uncertain", answer_version=seen)
    ada.post(f"{study}/opinions", page=study, agrees="yes", answer_version=seen)
    assert "Agrees with the verdict" in ada.get(study).text

    clock.now += timedelta(minutes=1)
    ada.post(f"{study}/films", page=study, films=[(io.BytesIO(film(2)), "b.jpg")])
    list(app.worker.read_all())
    answer = ada.post(f"{study}/opinions", page=study, agrees="yes", note="clear", answer_version=seen)

    assert "A film was added or read since you opened this page." in answer.text
    assert "clear</textarea>" in answer.text
    assert not re.search(r'name="agrees"[^>]*checked|checked[^>]*name="agrees"', answer.text)
    (now,) = re.findall(r'name="answer_version"[^>]* value="(\w+)"', answer.text)
    assert now != seen
    for page in (study, f"{study}/report"):
        text = ada.get(page).text
        assert "Agreed with an earlier verdict" in text
        assert text.count("Written before film 2 was added or read") == 2
    assert text_of_pdf(ada.get(f"{study}/report.pdf").data).count("Written before film 2 was added or read") == 2
    assert "Uncertain (older than the result)" in ada.get("/studies").text
    ada.post(f"{study}/opinions", page=study, agrees="no", note="clear", answer_version=now)
    assert "Disagrees with the verdict" in ada.get(study).text
    ada.post(f"{study}/opinions", page=study, conclusion="normal", answer_version=now)
    assert "older than the result" not in ada.get("/studies").text
