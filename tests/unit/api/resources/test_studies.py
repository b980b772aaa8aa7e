from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock


def test_a_study_is_uploaded_found_and_concluded(program: Any, film: Callable[..., bytes]) -> None:
    study = program.upload(film(1, 8), identifier="H-7")
    assert (study["standing"], study["taken"]) == ("positive", 1)
    found = program.ask("POST", "/studies/search", json={"text": "h-7"}).json
    assert [one["key"] for one in found["items"]] == [study["key"]] and found["next"] is None
    said = {"agrees": False, "note": "a scar"}
    opinion = program.ask("POST", f"/studies/{study['key']}/opinions", json=said)
    assert opinion.status_code == 201
    assert program.get(f"/studies/{study['key']}/opinions")["items"] == [opinion.json]


def test_an_opinion_of_another_answer_is_not_kept(program: Any, film: Callable[..., bytes]) -> None:
    study = program.upload(film(1, 8))
    path = f"/studies/{study['key']}/opinions"
    old = program.ask("POST", path, json={"agrees": True, "answer_version": "of-another-answer"})
    assert (old.status_code, program.get(path)["items"]) == (409, [])
    now = program.ask("POST", path, json={"agrees": True, "answer_version": study["answer_version"]})
    assert now.status_code == 201


def test_an_opinion_and_a_conclusion_say_that_a_film_came_after_them(
    program: Any, film: Callable[..., bytes], clock: Clock
) -> None:
    study = program.upload(film(1))
    path = f"/studies/{study['key']}"
    opinion = program.ask("POST", f"{path}/opinions", json={"conclusion": "normal"}).json
    assert (study["conclusion_outdated"], opinion["outdated"]) == (False, False)
    clock.forward(minutes=5)
    program.ask("POST", f"{path}/films?wait=30", data={"films": [(io.BytesIO(film(2)), "film")]})
    of_patient = program.get(f"/patients/{study['patient']}")["studies"]
    for line in (program.get(path), *of_patient, *program.get("/studies")["items"]):
        assert (line["conclusion"], line["conclusion_outdated"]) == ("normal", True)
    assert [one["outdated"] for one in program.get(f"{path}/opinions")["items"]] == [True]
    assert program.get(f"{path}/report")["study"]["opinions"][0]["outdated"]


def test_a_film_that_the_clinic_has_is_not_taken_again(program: Any, film: Callable[..., bytes]) -> None:
    first, again = program.upload(film(1)), program.upload(film(1))
    assert (again["key"], again["taken"]) == (first["key"], 0)
    assert again["not_taken"][0]["code"] == "already-here"


def test_a_result_and_symptoms_are_entered_once_and_come_with_the_study(
    program: Any, film: Callable[..., bytes]
) -> None:
    key = program.upload(film(1))["key"]
    said = {"test": "pcr", "result": "positive", "tested_on": "2026-03-01", "reason": "contact"}
    once = {"Idempotency-Key": "one"}
    first, again = (program.ask("POST", f"/studies/{key}/reference-results", once, json=said) for _ in range(2))
    assert (first.status_code, first.json) == (201, again.json)
    details = {"symptoms": ["fever"], "other": "for a week", "spo2": 91}
    nothing = program.get(f"/studies/{key}")["clinical_details"]
    first_said = {**details, "known": nothing}
    assert program.ask("POST", f"/studies/{key}/clinical-details", json=first_said).json == details
    refused = program.ask("POST", f"/studies/{key}/clinical-details", json={"spo2": 85, "known": nothing})
    assert (refused.status_code, refused.json["title"]) == (409, "Someone else changed this first.")
    path, sent = f"/studies/{key}/clinical-details", {"Idempotency-Key": "details"}
    assert program.ask("POST", path, sent, json={**details, "known": details}).status_code == 200
    assert program.ask("POST", path, sent, json={**details, "known": nothing}).status_code == 409
    over = {"symptoms": ["none"], "known": details}
    assert program.ask("POST", f"/studies/{key}/clinical-details", json=over).json["symptoms"] == ["none"]
    assert program.ask("POST", f"/studies/{key}/clinical-details", json=details).json == details
    study = program.get(f"/studies/{key}")
    assert (study["reference_results"], study["clinical_details"], study["pcr"]) == ([first.json], details, "positive")


@pytest.mark.parametrize(
    "wrong", [{"tested_on": "2036-03-01"}, {"reason": None}, {"test": "blood"}, {"result": "perhaps"}]
)
def test_a_result_that_cannot_be_right_is_not_taken(
    program: Any, film: Callable[..., bytes], wrong: dict[str, str | None]
) -> None:
    key = program.upload(film(1))["key"]
    said = {"test": "pcr", "result": "positive", "tested_on": "2026-03-01", "reason": "contact"} | wrong
    sent = {name: value for name, value in said.items() if value is not None}
    assert program.ask("POST", f"/studies/{key}/reference-results", json=sent).status_code == 422
    assert program.get(f"/studies/{key}")["reference_results"] == []
