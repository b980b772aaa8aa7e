from __future__ import annotations

import csv
import io
from datetime import date
from typing import TYPE_CHECKING

from conftest import blank_bytes
from dated_films import BRIGHT, DARK, dated_film
from lungwise.patients.service import PatientFacts
from lungwise.reading.artefact import shipped_card
from lungwise.reading.prevalence import PredictiveValue
from lungwise.reports.tables import worklist_csv
from lungwise.studies.clinical_details import ClinicalDetails, Symptom
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.headlines import Headlines
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest
from lungwise.studies.service import Conclusion
from lungwise.studies.worklist import WorklistQuery

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
HEADLINES = Headlines(str, PredictiveValue(shipped_card(), 0.1))


def test_a_row_has_the_newest_result_of_each_test_and_the_symptoms(
    services: Services, film: Callable[..., bytes]
) -> None:
    person = services.person()
    details = ClinicalDetails(symptoms=(Symptom.FEVER, Symptom.COUGH), other="=for a week", spo2=91)
    key = services.studies.open(person, PatientFacts(), [("a", film(1))], details).key
    for day, outcome in ((3, Outcome.POSITIVE), (1, Outcome.NEGATIVE)):
        result = EnteredResult(
            kind=ReferenceTest.PCR, result=outcome, tested_on=date(2026, 3, day), reason=Reason.CONTACT
        )
        services.clock.forward(days=1)
        services.reference_results.add(person, key, result)
    (row,) = csv.DictReader(io.StringIO(worklist_csv(services.worklist.all(person, WorklistQuery()), HEADLINES)))
    assert [row[name] for name in ("PCR", "PCR date", "PCR reason")] == ["positive", "2026-03-03", "contact"]
    assert [row[name] for name in ("Xpert", "Xpert date", "SpO2")] == ["", "", "91"]
    assert row["symptoms"] == "fever; cough; =for a week"


def test_the_extent_of_opacity_and_its_change_have_columns(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    for day, level in (("20260301", DARK), ("20260310", BRIGHT)):
        services.studies.open(person, PatientFacts(identifier="P-1"), [("a", dated_film(day, level))])
    services.studies.open(person, PatientFacts(identifier="P-2"), [("a", film(1))])
    services.read_all()
    rows = csv.DictReader(io.StringIO(worklist_csv(services.worklist.all(person, WorklistQuery()), HEADLINES)))
    found = {(row["identifier"], row["compared with film of"]): row for row in rows}
    changed = found["P-1", "2026-03-01"]
    assert float(changed["extent change"]) > float(changed["extent repeatability"]) == 10
    assert 0 < float(changed["Brixia score"]) <= 18 and float(changed["extent"]) > 0
    assert (found["P-2", ""]["extent change"], found["P-1", ""]["extent change"]) == ("", "")


def test_a_row_is_a_study_and_no_name_a_formula(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    facts = PatientFacts(identifier="7", name="=1+1", sex="F", birth_date=date(1970, 3, 25))
    key = services.studies.open(person, facts, [("a", film(1, 8))]).key
    services.read_all()
    (row,) = csv.DictReader(io.StringIO(worklist_csv(services.worklist.all(person, WorklistQuery()), HEADLINES)))
    assert (row["study"], row["name"], row["birth date"]) == (key, "'=1+1", "1970-03-25")
    assert (row["verdict"], row["conclusion"]) == ("positive", "")
    assert 0 < float(row["probability"]) <= 1
    assert (row["level"], row["headline"].split(".")[0]) == ("red", "Looks like COVID-19 pneumonia")


def test_a_conclusion_that_a_film_came_after_is_outdated(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    key = services.studies.open(person, PatientFacts(), [("a", film(1))]).key
    services.read_all()
    services.studies.conclude(person, key, Conclusion(conclusion=Diagnosis.NORMAL))
    for outdated in ("", "yes"):
        (row,) = csv.DictReader(io.StringIO(worklist_csv(services.worklist.all(person, WorklistQuery()), HEADLINES)))
        assert (row["conclusion"], row["conclusion outdated"]) == ("normal", outdated)
        services.clock.forward(minutes=5)
        services.studies.add_films(person, key, [("b", film(2))])


def test_a_row_says_how_many_films_were_not_read_and_what_another_diagnosis_is(
    services: Services, film: Callable[..., bytes], blank: bytes
) -> None:
    person = services.person()
    key = services.studies.open(person, PatientFacts(), [("a", film(1)), ("b", blank), ("c", film(2))]).key
    services.read_all()
    services.studies.conclude(person, key, Conclusion(conclusion=Diagnosis.OTHER, other="=a tumour"))
    (row,) = csv.DictReader(io.StringIO(worklist_csv(services.worklist.all(person, WorklistQuery()), HEADLINES)))
    assert (row["conclusion"], row["other diagnosis"]) == ("other", "'=a tumour")
    assert (row["films"], row["films not read"]) == ("3", "1")


def test_a_study_that_was_not_read_has_no_probability(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    for data in (blank_bytes(), film(1)):
        services.studies.open(person, PatientFacts(), [("a", data)])
        services.read_all()
    services.studies.open(person, PatientFacts(), [("a", film(2))])
    rows = csv.DictReader(io.StringIO(worklist_csv(services.worklist.all(person, WorklistQuery()), HEADLINES)))
    known = {row["verdict"]: row["probability"] != "" for row in rows}
    assert known == {"refused": False, "waiting": False, "uncertain": True}
