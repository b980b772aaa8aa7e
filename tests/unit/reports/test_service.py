from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.errors import NotFound
from lungwise.patients.service import PatientFacts
from lungwise.reading.artefact import shipped_card
from lungwise.reports.service import Reports
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def reports_of(services: Services) -> Reports:
    return Reports(services.studies, str, services.settings)


def test_a_report_holds_what_the_study_holds(services: Services, film: Callable[..., bytes], blank: bytes) -> None:
    person = services.person()
    facts = PatientFacts(identifier="7", name="Béla <b>Bartók</b> & सुनीता")
    key = services.studies.open(person, facts, [("a", film(1, 8)), ("b", blank)]).key
    services.read_all()
    services.studies.conclude(person, key, Conclusion(agrees=False, note="an old scar <script>"))
    reports = reports_of(services)
    report = reports.of(person, key, "Hill")
    assert report.headline.title == "One film could not be read. Looks like COVID-19 pneumonia."
    assert [len(reports.pictures(one.record)) for one in report.films] == [2, 1]
    assert [one.headline.title for one in report.films] == ["Looks like COVID-19 pneumonia.", "Not read."]
    assert "an old scar" in report.opinions[0].sentences[1]
    assert dict(report.facts)["Name"] == facts.name


def test_a_film_that_waits_is_said_to_wait(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    key = services.studies.open(person, PatientFacts(), [("a", film(1))]).key
    reports = reports_of(services)
    (only,) = reports.of(person, key, "Hill").films
    assert (only.headline.title, only.sentences, reports.pictures(only.record)) == ("Being read.", (), [])


def test_a_reading_of_the_shipped_model_says_when_it_is_uncertain_and_how_often_it_is_right(
    services: Services, film: Callable[..., bytes]
) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(), [("a", film(1, 8))])
    services.read_all()
    reading = study.films[0].reading
    assert reading is not None
    assert reports_of(services).of(person, study.key, "Hill").films[0].sentences == ()  # the tests' own model
    reading.model, reading.version = shipped_card().name, shipped_card().version
    said = reports_of(services).of(person, study.key, "Hill").films[0].sentences
    assert [re.sub(r"\d+", "N", sentence) for sentence in said] == [
        "N-N % counts as uncertain.",
        "If N in N patients has COVID-N, about N of N positives are correct.",
    ]


def test_nothing_is_said_of_how_often_a_childs_verdict_is_right(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    born = services.clock().date().replace(year=services.clock().year - 6)
    study = services.studies.open(person, PatientFacts(identifier="7", birth_date=born), [("a", film(1, 8))])
    services.read_all()
    reading = study.films[0].reading
    assert reading is not None
    reading.model, reading.version = shipped_card().name, shipped_card().version
    report = reports_of(services).of(person, study.key, "Hill")
    assert report.headline.is_child
    assert [sentence for sentence in report.films[0].sentences if "correct" in sentence] == []


def test_times_are_in_utc_and_dates_in_one_form(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(identifier="7", birth_date=date(1970, 3, 25)), [("a", film(1))])
    study.created_at = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    services.studies.conclude(person, study.key, Conclusion(conclusion=Diagnosis.NORMAL))
    facts = dict(reports_of(services).of(person, study.key, "Hill").facts)
    assert (facts["Birth date"], facts["Uploaded"]) == ("1970-03-25", "2026-03-04 05:06 UTC")


def test_a_report_stays_in_its_clinic(services: Services, film: Callable[..., bytes]) -> None:
    key = services.studies.open(services.person(), PatientFacts(), [("a", film(1))]).key
    with pytest.raises(NotFound):
        reports_of(services).of(services.person("Mallory", "Vale", Role.ADMINISTRATOR), key, "Vale")
