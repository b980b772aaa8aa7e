from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from lungwise.patients.service import PatientFacts
from lungwise.reading.reading import Verdict
from lungwise.reports.fhir import bundle
from lungwise.studies.service import Conclusion, Study

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rooms
    from lungwise.access import Person


@pytest.fixture
def ada(rooms: Rooms) -> Person:
    return rooms.person()


def written(rooms: Rooms, ada: Person, key: str) -> dict[str, Any]:
    study = rooms.studies.get(ada, key)
    text = bundle(study, rooms.studies.patient(ada, study), "Hill")
    Bundle.model_validate_json(text)
    resources = [entry["resource"] for entry in json.loads(text)["entry"]]
    found: dict[str, Any] = {"all": resources}
    return found | {one["resourceType"]: one for one in resources}


def opened(rooms: Rooms, ada: Person, *films: bytes) -> Study:
    return rooms.studies.open(ada, PatientFacts("H-7", "Béla Bartók", "M"), [("film", film) for film in films])


def test_a_film_that_is_read_is_an_observation_of_its_patient(
    rooms: Rooms, ada: Person, film: Callable[..., bytes]
) -> None:
    study = opened(rooms, ada, film(1, 8))
    rooms.read_all()
    said = written(rooms, ada, study.key)
    observation, report = said["Observation"], said["DiagnosticReport"]
    assert observation["interpretation"][0]["coding"][0]["code"] == "POS"
    assert observation["valueQuantity"]["value"] == pytest.approx(study.films[0].reading.probability, abs=1e-4)  # type: ignore[union-attr]
    assert observation["subject"] == report["subject"]
    assert said["Patient"]["identifier"][0]["value"] == "H-7"
    assert said["Patient"]["gender"] == "male"


def test_a_report_is_registered_preliminary_and_final_in_turn(
    rooms: Rooms, ada: Person, film: Callable[..., bytes]
) -> None:
    key = opened(rooms, ada, film(1)).key
    assert written(rooms, ada, key)["DiagnosticReport"]["status"] == "registered"
    rooms.read_all()
    assert written(rooms, ada, key)["DiagnosticReport"]["status"] == "preliminary"
    rooms.studies.conclude(ada, key, Conclusion(conclusion=Verdict.NEGATIVE))
    report = written(rooms, ada, key)["DiagnosticReport"]
    assert report["status"] == "final"
    assert "Doctor's conclusion: negative." in report["conclusion"]


def test_a_refused_film_has_a_reason_and_no_value(rooms: Rooms, ada: Person, blank: bytes) -> None:
    study = opened(rooms, ada, blank)
    rooms.read_all()
    observation = written(rooms, ada, study.key)["Observation"]
    assert "valueQuantity" not in observation
    assert "chest" in observation["dataAbsentReason"]["text"]


def test_every_reference_leads_to_a_resource_of_the_bundle(
    rooms: Rooms, ada: Person, film: Callable[..., bytes]
) -> None:
    study = opened(rooms, ada, film(1), film(2))
    rooms.read_all()
    text = bundle(study, rooms.studies.patient(ada, study), "Hill")
    names = {entry["fullUrl"] for entry in json.loads(text)["entry"]}
    said = written(rooms, ada, study.key)["DiagnosticReport"]
    assert {said["subject"]["reference"], *(one["reference"] for one in said["result"])} < names
    assert len(said["result"]) == 2
