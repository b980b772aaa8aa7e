from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from dated_films import BRIGHT, DARK, dated_film
from lungwise.patients.service import PatientFacts
from lungwise.reports.fhir import bundle
from lungwise.reports.service import Reports
from lungwise.studies.clinical_details import ClinicalDetails, Symptom
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest
from lungwise.studies.service import Conclusion, Study

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person


@pytest.fixture
def ada(services: Services) -> Person:
    return services.person()


def written(services: Services, ada: Person, key: str) -> dict[str, Any]:
    text = bundle(Reports(services.studies, str, services.settings).of(ada, key, "Hill"))
    Bundle.model_validate_json(text)
    resources = [entry["resource"] for entry in json.loads(text)["entry"]]
    found: dict[str, Any] = {"all": resources}
    return found | {one["resourceType"]: one for one in resources}


def opened(services: Services, ada: Person, *films: bytes) -> Study:
    return services.studies.open(
        ada, PatientFacts(identifier="H-7", name="Béla Bartók", sex="M"), [("film", film) for film in films]
    )


def test_a_film_that_is_read_is_an_observation_of_its_patient(
    services: Services, ada: Person, film: Callable[..., bytes]
) -> None:
    study = opened(services, ada, film(1, 8))
    services.read_all()
    said = written(services, ada, study.key)
    observation, report = said["Observation"], said["DiagnosticReport"]
    assert observation["interpretation"][0]["coding"][0]["code"] == "POS"
    assert observation["valueQuantity"]["value"] == pytest.approx(study.films[0].reading.probability, abs=1e-4)  # type: ignore[union-attr]
    assert observation["subject"] == report["subject"]
    assert said["Patient"]["identifier"][0]["value"] == "H-7"
    assert said["Patient"]["gender"] == "male"


def test_a_report_is_registered_preliminary_and_final_in_turn(
    services: Services, ada: Person, film: Callable[..., bytes]
) -> None:
    key = opened(services, ada, film(1)).key
    assert written(services, ada, key)["DiagnosticReport"]["status"] == "registered"
    services.read_all()
    assert written(services, ada, key)["DiagnosticReport"]["status"] == "preliminary"
    services.studies.conclude(ada, key, Conclusion(conclusion=Diagnosis.NORMAL))
    report = written(services, ada, key)["DiagnosticReport"]
    assert report["status"] == "final"
    assert "Doctor's conclusion: normal." in report["conclusion"]
    services.clock.forward(minutes=5)
    services.studies.conclude(ada, key, Conclusion(conclusion=Diagnosis.TUBERCULOSIS))
    again = written(services, ada, key)["DiagnosticReport"]
    assert (again["status"], again["issued"] > report["issued"]) == ("corrected", True)


def test_a_film_after_the_conclusion_is_preliminary_until_somebody_concludes_on_it_too(
    services: Services, ada: Person, film: Callable[..., bytes]
) -> None:
    key = opened(services, ada, film(1)).key
    services.read_all()
    services.studies.conclude(ada, key, Conclusion(conclusion=Diagnosis.NORMAL))

    def statuses() -> tuple[str, list[str]]:
        said = written(services, ada, key)
        films = (one for one in said["all"] if one["resourceType"] == "Observation")
        return said["DiagnosticReport"]["status"], [one["status"] for one in films]

    assert statuses() == ("final", ["final"])
    services.clock.forward(minutes=5)
    services.studies.add_films(ada, key, [("second", film(1, 8))])
    assert statuses() == ("preliminary", ["final"])
    services.read_all()
    said = written(services, ada, key)
    positive, first = (one for one in said["all"] if one["resourceType"] == "Observation")
    assert (positive["interpretation"][0]["text"], positive["status"]) == ("positive", "preliminary")
    assert (first["status"], said["DiagnosticReport"]["status"]) == ("final", "preliminary")
    conclusion = said["DiagnosticReport"]["conclusion"]
    assert "Doctor's conclusion: normal. Written before film 2 was added or read." in conclusion
    assert "Conclusion: Normal. Written before film 2 was added or read" in conclusion
    services.studies.conclude(ada, key, Conclusion(conclusion=Diagnosis.COVID_19))
    assert statuses() == ("corrected", ["final", "final"])
    assert (
        "Written before film 2 was added or read." not in written(services, ada, key)["DiagnosticReport"]["conclusion"]
    )


def test_a_refused_film_has_a_reason_and_no_value(services: Services, ada: Person, blank: bytes) -> None:
    study = opened(services, ada, blank)
    services.read_all()
    observation = written(services, ada, study.key)["Observation"]
    assert "valueQuantity" not in observation
    assert "chest" in observation["dataAbsentReason"]["text"]


def test_the_extent_of_opacity_and_its_change_are_components(services: Services, ada: Person) -> None:
    opened(services, ada, dated_film("20260301", DARK, PatientID="H-7"))
    study = opened(services, ada, dated_film("20260310", BRIGHT, PatientID="H-7"))
    services.read_all()
    observation = written(services, ada, study.key)["Observation"]
    parts = {one["code"]["text"]: one["valueQuantity"] for one in observation["component"]}
    extent, score = parts["Extent of opacity in percent of the lung fields"], parts["Brixia score, 0 to 18"]
    assert (extent["code"], score["code"], score["unit"]) == ("%", "{score}", "score")
    (change,) = [text for text in parts if text.startswith("Change of the extent")]
    assert "since 2026-03-01, repeatability 10" in change
    assert 10 < parts[change]["value"] < 100 and parts[change]["code"] == "%"
    assert any(note["text"].startswith("More opacity than on the film of 2026-03-01") for note in observation["note"])


def test_what_was_seen_dates_from_the_day_of_the_film_or_else_from_the_upload(
    services: Services, ada: Person, film: Callable[..., bytes]
) -> None:
    dated = opened(services, ada, dated_film("20260301", DARK, PatientID="H-7"))
    ahead = opened(services, ada, dated_film("20260305", BRIGHT, PatientID="H-7"))
    undated = opened(services, ada, film(1))
    services.read_all()
    for study, day in ((dated, "2026-03-01"), (ahead, "2026-03-02T09:00:00Z"), (undated, "2026-03-02T09:00:00Z")):
        said = written(services, ada, study.key)
        assert said["Observation"]["effectiveDateTime"] == day
        assert said["DiagnosticReport"]["effectiveDateTime"] == day
        assert study is undated or said["ImagingStudy"]["started"] == day


def test_every_reference_leads_to_a_resource_of_the_bundle(
    services: Services, ada: Person, film: Callable[..., bytes]
) -> None:
    study = opened(services, ada, film(1), film(2))
    services.read_all()
    text = bundle(Reports(services.studies, str, services.settings).of(ada, study.key, "Hill"))
    names = {entry["fullUrl"] for entry in json.loads(text)["entry"]}
    said = written(services, ada, study.key)["DiagnosticReport"]
    assert {said["subject"]["reference"], *(one["reference"] for one in said["result"])} < names
    assert len(said["result"]) == 2


def test_a_test_and_the_oxygen_saturation_are_observations(
    services: Services, ada: Person, film: Callable[..., bytes]
) -> None:
    study = opened(services, ada, film(1))
    services.read_all()
    for kind in (ReferenceTest.PCR, ReferenceTest.XPERT):
        found = EnteredResult(kind=kind, result=Outcome.POSITIVE, tested_on=date(2026, 3, 1), reason=Reason.ROUTINE)
        services.reference_results.add(ada, study.key, found)
    seen = EnteredResult(
        kind=ReferenceTest.RADIOLOGIST, result=Diagnosis.TUBERCULOSIS, tested_on=date(2026, 3, 1), reason=Reason.SAMPLE
    )
    services.reference_results.add(ada, study.key, seen)
    services.studies.describe(ada, study.key, ClinicalDetails(symptoms=(Symptom.COUGH,), spo2=91))
    said = written(services, ada, study.key)
    observations = {one["code"]["text"]: one for one in said["all"] if one["resourceType"] == "Observation"}
    pcr = observations["PCR (COVID-19)"]
    assert pcr["code"]["coding"][0]["code"] == "94500-6"
    assert pcr["effectiveDateTime"] == "2026-03-01"
    assert pcr["valueCodeableConcept"]["text"] == "positive"
    assert pcr["note"][0]["text"] == "Routine: everybody is tested"
    assert "coding" not in observations["Xpert (tuberculosis)"]["code"]
    radiologist = observations["Radiologist's reading"]
    assert radiologist["category"][0]["coding"][0]["code"] == "imaging"
    assert radiologist["valueCodeableConcept"]["coding"][0]["code"] == "154283005"
    assert observations["SpO2"]["valueQuantity"]["value"] == 91
    assert "Symptoms: Cough." in said["DiagnosticReport"]["conclusion"]
