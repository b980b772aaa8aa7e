from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from lungwise.orders.scheduled_steps import (
    LookupAnswer,
    ScheduledStep,
    UnnumberedFilm,
    is_exact,
    match_step,
)
from lungwise.patients.service import IdentityRules, PatientFacts

MARIE = PatientFacts(identifier="P1", name="Curie Marie", sex="F", birth_date=date(1867, 11, 7))
FILM = UnnumberedFilm(study_uid="1.2.3", taken_on=date(2026, 3, 2), patient=MARIE)
STEP = ScheduledStep(accession="A1", study_uid="1.9", modality="DX", day=date(2026, 3, 2), patient=MARIE)
RULES = IdentityRules()


def answered(*steps: ScheduledStep, film: UnnumberedFilm = FILM) -> tuple[str, str]:
    found = match_step(film, steps, RULES)
    return found.answer.value, found.accession


def test_the_one_step_of_the_patient_on_that_day_gives_its_number() -> None:
    assert answered(STEP) == ("found", "A1")
    assert answered(replace(STEP, day=date(2026, 3, 1))) == ("found", "A1")
    assert answered(STEP, replace(STEP, study_uid="1.10")) == ("found", "A1")


@pytest.mark.parametrize(
    "other",
    [
        replace(STEP, day=date(2026, 2, 28)),
        replace(STEP, day=None),
        replace(STEP, modality="CT"),
        replace(STEP, patient=replace(MARIE, identifier="P10")),
        replace(STEP, patient=replace(MARIE, identifier="p1")),
    ],
)
def test_a_step_of_another_day_machine_or_patient_is_none(other: ScheduledStep) -> None:
    assert answered(other) == ("none", "")
    assert answered(other, replace(STEP, accession="A2")) == ("found", "A2")


def test_a_step_of_another_issuers_patient_is_none() -> None:
    film = replace(FILM, patient=replace(MARIE, issuer="HILL"))
    assert answered(replace(STEP, patient=replace(MARIE, issuer="DALE")), film=film) == ("none", "")
    assert answered(STEP, film=film) == ("found", "A1")


def test_steps_of_two_orders_leave_it_open_unless_one_has_the_films_study() -> None:
    other = replace(STEP, accession="A2", study_uid="1.10")
    assert answered(STEP, other) == ("several", "")
    assert answered(STEP, replace(other, study_uid="1.2.3")) == ("found", "A2")
    assert answered(STEP, replace(other, accession="")) == ("several", "")


def test_the_study_uid_tells_whatever_the_day_and_the_machine() -> None:
    named = replace(STEP, study_uid="1.2.3", day=date(2026, 2, 1), modality="OT")
    assert answered(named) == ("found", "A1")
    assert answered(named, film=replace(FILM, taken_on=None)) == ("found", "A1")
    assert answered(replace(named, study_uid=""), film=replace(FILM, study_uid="")) == ("none", "")


@pytest.mark.parametrize("facts", [{"name": "Hahn Otto"}, {"birth_date": date(1879, 3, 8)}, {"sex": "M"}])
def test_a_step_that_names_another_person_leaves_it_open(facts: dict[str, object]) -> None:
    other = replace(STEP, patient=replace(MARIE, **facts))  # type: ignore[arg-type]
    assert answered(other) == ("other", "")
    assert answered(replace(other, study_uid="1.2.3")) == ("other", "")
    assert answered(STEP, other) == ("other", "")


def test_a_step_without_a_number_gives_none() -> None:
    assert answered(replace(STEP, accession="")) == ("unnumbered", "")
    assert answered() == (LookupAnswer.NONE, "")


def test_an_identifier_that_reads_as_a_wildcard_is_not_asked_for() -> None:
    assert is_exact("P 1-7")
    assert not any(map(is_exact, ("", "P*", "P?", "P1\\P2")))
