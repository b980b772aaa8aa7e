from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date
from typing import TYPE_CHECKING

import pytest

from lungwise.films import open_film
from lungwise.jobs.reading_queue import Jobs, Model
from lungwise.patients.service import PatientFacts
from lungwise.reading.artefact import shipped_card
from lungwise.reading.own_thresholds import FindingThresholds, OwnThresholds
from lungwise.reading.pattern import raised
from lungwise.reading.prevalence import PredictiveValue
from lungwise.reading.reading import Verdict
from lungwise.studies.answers import Level
from lungwise.studies.headlines import Headlines
from lungwise.studies.models import ReadingRecord
from lungwise.studies.stored_answers import (
    answer_of,
    film_headline,
    normal_and_pattern,
    raised_of,
    study_answer,
    study_answers,
)
from plans import statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from synthetic_reader import SyntheticReader


def stored(**said: object) -> ReadingRecord:
    fields = {"model": "m", "version": "1", "verdict": "negative", "probability": 0.1, "findings": {}}
    return ReadingRecord(**(fields | said))


def test_a_reading_says_what_was_stored_with_it() -> None:
    reading = stored(findings={"normal": 0.6, "tuberculosis": 0.1}, normal_called=False, pattern="other")
    normal, pattern = normal_and_pattern(reading)
    assert ((normal.probability, normal.called), pattern) == ((0.6, False), "other")


@pytest.mark.parametrize(
    ("findings", "pattern"),
    [
        ({"normal": 0.9999, "COVID-19": 0.0, "tuberculosis": 0.0}, None),
        ({"normal": 0.3, "COVID-19": 0.1, "tuberculosis": 0.4}, "tuberculosis"),
        ({"normal": 0.2, "COVID-19": 0.4, "tuberculosis": 0.1}, "COVID-19"),  # of a head apart from the verdict
    ],
)
def test_a_reading_of_an_earlier_release_is_judged_by_the_shipped_thresholds(
    findings: dict[str, float], pattern: str | None
) -> None:
    reading = stored(findings=findings)
    normal, found = normal_and_pattern(reading)
    assert (normal.called, found) == (pattern is None, pattern)
    assert answer_of(reading).level == (Level.GREEN if pattern is None else Level.AMBER)


def test_a_reading_says_the_same_under_the_thresholds_of_another_model(
    either_services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    services = either_services
    study = services.studies.open(services.person(), PatientFacts(), [("a", film(1))])
    services.session.commit()
    jobs = Jobs(services.session, services.clock, 30)
    (claim,) = jobs.claim(Model(name="synthetic", version="1"))
    findings = {"normal": 0.3, "COVID-19": 0.45, "other pneumonia": 0.1, "tuberculosis": 0.1}
    names = raised(findings, Verdict.UNCERTAIN, {"tuberculosis": 0.02})  # far below the shipped card's
    assert names != raised(findings, Verdict.UNCERTAIN, shipped_card().finding_thresholds)
    read = synthetic_reader().read(open_film(film(1)))
    jobs.finish({claim: replace(read, findings=findings, verdict=Verdict.UNCERTAIN, pattern="COVID-19", raised=names)})
    services.session.commit()
    services.session.expire_all()
    title = Headlines(str, PredictiveValue(shipped_card(), 0.1)).of_film(answer_of(study.films[0].reading)).title
    assert title == "Not normal. Tuberculosis is possible: test sputum. May be COVID-19 pneumonia: do a PCR test."


def test_what_a_reading_of_an_earlier_release_raised_is_judged_by_its_thresholds_or_the_shipped_ones() -> None:
    own = OwnThresholds(id="own", findings=(FindingThresholds(finding="tuberculosis", lower=0.05, upper=0.05),))
    reading = stored(findings={"normal": 0.9, "tuberculosis": 0.1}, normal_called=True)
    assert raised_of(reading) == ()
    reading.thresholds = own.as_stored()
    assert raised_of(reading) == ("tuberculosis",)
    reading.raised = []
    assert raised_of(reading) == ()


def test_a_film_without_a_reading_waits_and_one_without_a_verdict_was_refused() -> None:
    assert [answer_of(reading).is_refused for reading in (None, stored(verdict=None))] == [False, True]
    assert answer_of(None).verdict is None


def test_studies_say_the_same_whether_their_films_are_loaded_or_asked_for_together(
    either_services: Services, film: Callable[..., bytes], blank: bytes
) -> None:
    services = either_services
    person = services.person()
    born = date(services.clock().year - 9, 1, 1)
    keys = [
        services.studies.open(person, facts, [(f"{n}.jpg", data) for n, data in enumerate(films)]).key
        for facts, films in (
            (PatientFacts(identifier="A"), [film(1), film(2, 8), blank]),
            (PatientFacts(identifier="B", birth_date=born), [film(3)]),
        )
    ]
    services.read_all()
    keys.append(services.studies.open(person, PatientFacts(identifier="C"), [("a", film(4))]).key)
    studies = [services.studies.get(person, key) for key in keys]
    patients = {study.patient_id: services.studies.patient(person, study) for study in studies}
    loaded = [study_answer(study, patients[study.patient_id], UTC, is_doubted=False) for study in studies]
    together = study_answers(services.session, studies, patients, UTC)
    assert together == loaded
    films, orders = statements(services.session, lambda: study_answers(services.session, studies, patients, UTC))
    assert "FROM films" in films[0] and "FROM orders" in orders[0]
    assert [answer.is_waiting for answer in loaded] == [False, False, True]
    assert [answer.is_child for answer in loaded] == [False, True, False]
    assert [said.verdict for said in loaded[0].films][2] is None
    assert loaded[0].leading.number == 2


def test_a_films_headline_says_what_speaks_against_its_patient(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    facts = PatientFacts(identifier="B", birth_date=date(services.clock().year - 9, 1, 1))
    study = services.studies.open(person, facts, [("a", film(1, 8))])
    services.read_all()
    headlines = Headlines(str, PredictiveValue(shipped_card(), 0.1))
    headline = film_headline(headlines, study.films[0], services.studies.patient(person, study), UTC, is_doubted=False)
    assert headline.title == "Not made for children. Looks like COVID-19 pneumonia."
