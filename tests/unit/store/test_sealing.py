from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from lungwise.patients.models import Patient
from lungwise.patients.service import PatientFacts
from lungwise.store import SealError

if TYPE_CHECKING:
    from conftest import Rooms


def test_a_patient_is_plain_in_python_and_sealed_in_the_database(either_rooms: Rooms) -> None:
    rooms = either_rooms
    facts = PatientFacts("H-17", "Béla Bartók सुनीता", "M", date(1881, 3, 25))
    key = rooms.patients.find_or_add(rooms.person(), facts).key
    rooms.session.expire_all()
    patient = rooms.session.query(Patient).filter_by(key=key).one()
    assert (patient.identifier, patient.name, patient.birth_date) == ("H-17", "Béla Bartók सुनीता", date(1881, 3, 25))
    (row,) = rooms.session.execute(text("SELECT identifier, name, birth_date FROM patients"))
    assert all(bytes(value).startswith(b"LWS1") for value in row)
    kept = b"".join(map(bytes, row))
    assert not any(secret in kept for secret in (b"H-17", "Béla".encode(), b"1881"))


def test_what_is_not_known_stays_not_known(either_rooms: Rooms) -> None:
    patient = either_rooms.patients.find_or_add(either_rooms.person(), PatientFacts("H-17"))
    either_rooms.session.expire_all()
    assert (patient.name, patient.birth_date) == ("", None)


def test_a_value_copied_into_another_column_does_not_open(either_rooms: Rooms) -> None:
    patient = either_rooms.patients.find_or_add(either_rooms.person(), PatientFacts("H-17", "Béla"))
    either_rooms.session.execute(text("UPDATE patients SET name = identifier"))
    either_rooms.session.expire_all()
    with pytest.raises(SealError, match="moved"):
        _name = patient.name
