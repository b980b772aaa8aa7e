from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from lungwise.patients.service import PatientFacts

if TYPE_CHECKING:
    from conftest import Services


ADA, BOB = (
    PatientFacts(identifier="P-1", name="Lovelace Ada", sex="F", birth_date=date(1980, 5, 1)),
    PatientFacts(identifier="P-1", name="Two Bob", sex="M"),
)


def test_a_record_that_was_corrected_into_another_person_takes_no_films_of_the_former(services: Services) -> None:
    person = services.person()
    ada = services.patients.match_or_add(person, replace(BOB, birth_date=date(1950, 1, 1))).patient
    former = ada.facts
    services.patients.change(person, ada.key, ADA)
    assert services.patients.match_or_add(person, former).patient.id != ada.id


def test_a_changed_name_keeps_its_history_and_films_that_say_the_former_one(services: Services) -> None:
    person = services.person()
    clara = services.patients.match_or_add(person, PatientFacts(identifier="1", name="Clara Wieck")).patient
    services.patients.change(person, clara.key, PatientFacts(identifier="1", name="Clara Schumann"))
    assert (
        services.patients.match_or_add(person, PatientFacts(identifier="1", name="Wieck Clara")).patient.id == clara.id
    )
    assert clara.name == "Clara Schumann"
    (change,) = services.patients.history(person, clara)
    assert (change.facts.name, change.person_name) == ("Clara Wieck", person.name)


def test_a_name_and_a_birth_date_that_changed_at_once_were_another_persons(services: Services) -> None:
    person = services.person()
    former = PatientFacts(identifier="1", name="Two Bob", birth_date=date(1950, 1, 1))
    record = services.patients.match_or_add(person, former).patient
    services.patients.change(person, record.key, replace(ADA, identifier="1", sex=""))
    assert services.patients.match(person, PatientFacts(identifier="1", name="Bob Two")) is None
