from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from lungwise.errors import NotFound
from lungwise.patients.service import PatientFacts

if TYPE_CHECKING:
    from conftest import Services


ADA, BOB = (
    PatientFacts(identifier="P-1", name="Lovelace Ada", sex="F", birth_date=date(1980, 5, 1)),
    PatientFacts(identifier="P-1", name="Two Bob", sex="M"),
)


def test_what_was_settled_holds_for_what_comes_later_and_can_be_taken_back(either_services: Services) -> None:
    services, person = either_services, either_services.person()
    ada, bob = (services.patients.match_or_add(person, facts).patient for facts in (ADA, BOB))
    services.patients.decisions.merge(person, ada, bob)
    placed = services.patients.match_or_add(person, BOB)
    assert (placed.patient.id, placed.merged_from_id) == (ada.id, bob.id)
    assert services.patients.match_or_add(person, ADA).merged_from_id is None
    assert [patient.id for patient in services.patients.search.page(person, "two")] == [ada.id]
    with pytest.raises(NotFound):
        services.patients.get(person, bob.key)
    services.patients.decisions.undo(person, bob)
    assert services.patients.match_or_add(person, BOB).patient.id == bob.id
    assert bob.is_unclear and ada.facts == ADA
    services.patients.decisions.separate(person, bob)
    assert services.patients.match_or_add(person, BOB).patient.id == bob.id
    assert services.patients.decisions.count_unclear(person) == 0
    assert [patient.key for patient in services.patients.decisions.decided(person)] == [bob.key]
    services.patients.decisions.undo(person, bob)
    assert services.patients.decisions.count_unclear(person) == 1


def test_what_a_merged_record_added_is_taken_back_with_it(services: Services) -> None:
    person = services.person()
    kept = services.patients.match_or_add(person, PatientFacts(identifier="7")).patient
    gone = services.patients.match_or_add(person, PatientFacts(identifier="8", name="Clara Wieck", sex="F")).patient
    services.patients.decisions.merge(person, kept, gone)
    assert (kept.identifier, kept.name) == ("7", "Clara Wieck")
    services.patients.decisions.undo(person, gone)
    assert kept.facts == PatientFacts(identifier="7")


def test_what_a_merged_record_added_is_taken_back_though_films_added_more(services: Services) -> None:
    person = services.person()
    ada = services.patients.match_or_add(person, PatientFacts(identifier="P-1", name="Lovelace Ada")).patient
    bob = services.patients.match_or_add(
        person, PatientFacts(identifier="P-1", name="Two Bob", birth_date=date(1950, 1, 1))
    ).patient
    services.patients.decisions.merge(person, ada, bob)
    services.patients.match_or_add(person, PatientFacts(identifier="P-1", name="Lovelace Ada", sex="F"))
    services.patients.decisions.undo(person, bob)
    assert ada.facts == PatientFacts(identifier="P-1", name="Lovelace Ada", sex="F")
