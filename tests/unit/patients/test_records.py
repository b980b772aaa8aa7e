from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from lungwise.patients.service import PatientFacts

if TYPE_CHECKING:
    from conftest import Rooms


ADA, BOB = PatientFacts("P-1", "Lovelace Ada", "F", date(1980, 5, 1)), PatientFacts("P-1", "Two Bob", "M")


def test_the_database_itself_keeps_patients_unique_within_a_clinic(either_rooms: Rooms) -> None:
    rooms, person = either_rooms, either_rooms.person()
    first, second = (rooms.patients.find_or_add(person, PatientFacts(identifier)) for identifier in ("7", "8"))
    rooms.session.commit()
    second.identity_index = first.identity_index
    with pytest.raises(IntegrityError):
        rooms.session.flush()


def test_an_identifier_whose_first_patient_is_gone_can_be_given_again(rooms: Rooms) -> None:
    person = rooms.person()
    ada, bob = (rooms.patients.find_or_add(person, facts) for facts in (ADA, BOB))
    rooms.patients.change(person, ada.key, replace(ADA, identifier="P-2"))
    assert rooms.patients.find_or_add(person, BOB).id == bob.id
    assert rooms.patients.find_or_add(person, replace(ADA, issuer="HILL")).is_unclear
    rooms.patients.change(person, bob.key, replace(BOB, identifier="P-3"))
    assert not bob.is_unclear
