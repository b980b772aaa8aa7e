from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from lungwise.patients.models import Patient
from lungwise.patients.service import PatientFacts
from lungwise.store import EncryptionError
from lungwise.store.backup import misplaced_values
from lungwise.store.encryption import PlainValue
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rooms


def test_a_patient_is_plain_in_python_and_encrypted_in_the_database(either_rooms: Rooms) -> None:
    rooms = either_rooms
    facts = PatientFacts("H-17", "Béla Bartók सुनीता", "M", date(1981, 3, 25))
    key = rooms.patients.find_or_add(rooms.person(), facts).key
    rooms.session.expire_all()
    patient = rooms.session.query(Patient).filter_by(key=key).one()
    assert (patient.identifier, patient.name, patient.birth_date) == ("H-17", "Béla Bartók सुनीता", date(1981, 3, 25))
    (row,) = rooms.session.execute(text("SELECT identifier, name, birth_date FROM patients"))
    assert all(bytes(value).startswith(b"LWS2") for value in row)
    kept = b"".join(map(bytes, row))
    assert not any(secret in kept for secret in (b"H-17", "Béla".encode(), b"1981"))


def test_what_is_not_known_stays_not_known(either_rooms: Rooms) -> None:
    patient = either_rooms.patients.find_or_add(either_rooms.person(), PatientFacts("H-17"))
    either_rooms.session.expire_all()
    assert (patient.name, patient.birth_date) == ("", None)


def test_a_value_copied_into_another_column_does_not_open(either_rooms: Rooms) -> None:
    patient = either_rooms.patients.find_or_add(either_rooms.person(), PatientFacts("H-17", "Béla"))
    either_rooms.session.execute(text("UPDATE patients SET name = identifier"))
    either_rooms.session.expire_all()
    with pytest.raises(EncryptionError, match="moved"):
        _name = patient.name


@pytest.mark.parametrize("column", ["identifier", "name", "birth_date"])
def test_patients_values_that_change_places_do_not_open(column: str, either_rooms: Rooms) -> None:
    session, person = either_rooms.session, either_rooms.person()
    for number in (1, 2):
        facts = PatientFacts(f"H-{number}", f"Béla {number}", birth_date=date(1981, 3, number))
        either_rooms.patients.find_or_add(person, facts)
    first, second = session.execute(text(f"SELECT id, {column} FROM patients ORDER BY id")).all()
    for number, value in ((first[0], second[1]), (second[0], first[1])):
        session.execute(text(f"UPDATE patients SET {column} = :value WHERE id = :id"), {"value": value, "id": number})
    session.expire_all()
    assert len(list(misplaced_values(session))) == 2
    for patient in session.query(Patient):
        with pytest.raises(EncryptionError, match="moved"):
            getattr(patient, column)


def test_notes_that_change_places_do_not_open(either_rooms: Rooms, film: Callable[..., bytes]) -> None:
    rooms, person = either_rooms, either_rooms.person()
    for number in (1, 2):
        study = rooms.studies.open(person, PatientFacts(f"H-{number}"), [("a", film(number))])
        rooms.studies.conclude(person, study.key, Conclusion(agrees=True, note=f"a scar {number}"))
    notes = rooms.session.execute(text("SELECT id, note FROM opinions ORDER BY id DESC")).all()
    for number, note in enumerate(notes):
        swap = {"note": note.note, "id": notes[1 - number].id}
        rooms.session.execute(text("UPDATE opinions SET note = :note WHERE id = :id"), swap)
    rooms.session.expire_all()
    assert len(list(misplaced_values(rooms.session))) == 2
    with pytest.raises(EncryptionError, match="moved"):
        _note = rooms.studies.get(person, study.key).opinions[0].note


def test_a_value_that_stays_the_same_is_not_written_anew(either_rooms: Rooms) -> None:
    patient = either_rooms.patients.find_or_add(either_rooms.person(), PatientFacts("H-17", "Béla"))
    either_rooms.session.commit()
    either_rooms.session.expire_all()
    patient.name, patient.birth_date = "Béla", None
    assert not either_rooms.session.is_modified(patient)
    patient.name = "Clara"
    assert either_rooms.session.is_modified(patient)


def test_a_value_needs_its_rows_key_first() -> None:
    with pytest.raises(ValueError, match="key first"):
        Patient(name="Béla")


def test_a_value_written_for_one_row_is_not_taken_for_another() -> None:
    with pytest.raises(ValueError, match="does not belong"):
        PlainValue("Béla".encode(), "patients.name a").decrypt("patients.name b")


def test_short_names_are_of_one_length(either_rooms: Rooms) -> None:
    names = ["", "Li", "Béla Bartók", "Béla Bartók, Szőllős", "B" * 32, "B" * 33]
    for number, name in enumerate(names):
        either_rooms.patients.find_or_add(either_rooms.person(f"Ada{number}"), PatientFacts(f"H-{number}", name))
    either_rooms.session.expire_all()
    lengths = [
        len(bytes(value)) for value in either_rooms.session.scalars(text("SELECT name FROM patients ORDER BY id"))
    ]
    assert [length - lengths[0] for length in lengths] == [0, 16, 16, 32, 32, 48]
    assert [patient.name for patient in either_rooms.session.query(Patient).order_by(Patient.id)] == names
