"""What a study is to a program: the patient, the films with their headers and readings, and the opinions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_study_names_its_patient_and_sums_up_its_films(
    program: Any, film: Callable[..., bytes], blank: bytes
) -> None:
    study = program.upload(film(1, 8), blank, identifier="H-7", name="Béla Bartók")
    assert (study["standing"], study["identity"], study["unread"]) == ("positive", "clear", True)
    read, refused = sorted((one["reading"] for one in study["films"]), key=lambda reading: reading["verdict"] is None)
    assert read["probability"] == study["probability"]
    assert (refused["verdict"], refused["probability"], refused["findings"]) == (None, None, {})
    assert refused["refusal"]["code"] and refused["refusal"]["reason"].endswith(".")
    assert {one["header"] for one in study["films"]} == {None}  # neither file has one


def test_a_study_without_a_verdict_has_no_probability(program: Any, blank: bytes) -> None:
    study = program.upload(blank)
    assert (study["standing"], study["probability"]) == ("refused", None)
    assert program.get("/studies")["items"][0]["probability"] is None


def test_a_patient_is_the_same_in_a_list_and_alone(program: Any, film: Callable[..., bytes]) -> None:
    study = program.upload(film(1, 8), identifier="H-7", name="Béla Bartók", sex="M")
    patient = program.get(f"/patients/{study['patient']}")
    assert [one["key"] for one in patient.pop("studies")] == [study["key"]]
    found = program.ask("POST", "/patients/search", json={"text": "bartok"}).json["items"]
    assert found == [patient]
    assert (patient["identifier"], patient["name"], patient["sex"]) == ("H-7", "Béla Bartók", "M")
