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

    from conftest import Services


def test_a_patient_is_plain_in_python_and_encrypted_in_the_database(either_services: Services) -> None:
    services = either_services
    facts = PatientFacts(identifier="H-17", name="Béla Bartók सुनीता", sex="M", birth_date=date(1981, 3, 25))
    key = services.patients.match_or_add(services.person(), facts).patient.key
    services.session.expire_all()
    patient = services.session.query(Patient).filter_by(key=key).one()
    assert (patient.identifier, patient.name, patient.birth_date) == ("H-17", "Béla Bartók सुनीता", date(1981, 3, 25))
    (row,) = services.session.execute(text("SELECT identifier, name, birth_date FROM patients"))
    assert all(bytes(value).startswith(b"LWS2") for value in row)
    kept = b"".join(map(bytes, row))
    assert not any(secret in kept for secret in (b"H-17", "Béla".encode(), b"1981"))


def test_what_is_not_known_stays_not_known(either_services: Services) -> None:
    patient = either_services.patients.match_or_add(either_services.person(), PatientFacts(identifier="H-17")).patient
    either_services.session.expire_all()
    assert (patient.name, patient.birth_date) == ("", None)


def test_a_value_copied_into_another_column_does_not_open(either_services: Services) -> None:
    patient = either_services.patients.match_or_add(
        either_services.person(), PatientFacts(identifier="H-17", name="Béla")
    ).patient
    either_services.session.execute(text("UPDATE patients SET name = identifier"))
    either_services.session.expire_all()
    with pytest.raises(EncryptionError, match="moved"):
        _name = patient.name


@pytest.mark.parametrize("column", ["identifier", "name", "birth_date"])
def test_patients_values_that_change_places_do_not_open(column: str, either_services: Services) -> None:
    session, person = either_services.session, either_services.person()
    for number in (1, 2):
        facts = PatientFacts(identifier=f"H-{number}", name=f"Béla {number}", birth_date=date(1981, 3, number))
        either_services.patients.match_or_add(person, facts)
    first, second = session.execute(text(f"SELECT id, {column} FROM patients ORDER BY id")).all()
    for number, value in ((first[0], second[1]), (second[0], first[1])):
        session.execute(text(f"UPDATE patients SET {column} = :value WHERE id = :id"), {"value": value, "id": number})
    session.expire_all()
    assert len(list(misplaced_values(session))) == 2
    for patient in session.query(Patient):
        with pytest.raises(EncryptionError, match="moved"):
            getattr(patient, column)


def test_notes_that_change_places_do_not_open(either_services: Services, film: Callable[..., bytes]) -> None:
    services, person = either_services, either_services.person()
    for number in (1, 2):
        study = services.studies.open(person, PatientFacts(identifier=f"H-{number}"), [("a", film(number))])
        services.studies.conclude(person, study.key, Conclusion(note=f"a scar {number}"))
    notes = services.session.execute(text("SELECT id, note FROM opinions ORDER BY id DESC")).all()
    for number, note in enumerate(notes):
        swap = {"note": note.note, "id": notes[1 - number].id}
        services.session.execute(text("UPDATE opinions SET note = :note WHERE id = :id"), swap)
    services.session.expire_all()
    assert len(list(misplaced_values(services.session))) == 2
    with pytest.raises(EncryptionError, match="moved"):
        _note = services.studies.get(person, study.key).opinions[0].note


def test_a_value_that_stays_the_same_is_not_written_anew(either_services: Services) -> None:
    patient = either_services.patients.match_or_add(
        either_services.person(), PatientFacts(identifier="H-17", name="Béla")
    ).patient
    either_services.session.commit()
    either_services.session.expire_all()
    patient.name, patient.birth_date = "Béla", None
    assert not either_services.session.is_modified(patient)
    patient.name = "Clara"
    assert either_services.session.is_modified(patient)


def test_a_value_needs_its_rows_key_first() -> None:
    with pytest.raises(ValueError, match="key first"):
        Patient(name="Béla")


def test_a_value_written_for_one_row_is_not_taken_for_another() -> None:
    with pytest.raises(ValueError, match="does not belong"):
        PlainValue(plain="Béla".encode(), context="patients.name a").decrypt("patients.name b")


def test_short_names_are_of_one_length(either_services: Services) -> None:
    names = ["", "Li", "Béla Bartók", "Béla Bartók, Szőllős", "B" * 32, "B" * 33]
    for number, name in enumerate(names):
        either_services.patients.match_or_add(
            either_services.person(f"Ada{number}"), PatientFacts(identifier=f"H-{number}", name=name)
        )
    either_services.session.expire_all()
    lengths = [
        len(bytes(value)) for value in either_services.session.scalars(text("SELECT name FROM patients ORDER BY id"))
    ]
    assert [length - lengths[0] for length in lengths] == [0, 16, 16, 32, 32, 48]
    assert [patient.name for patient in either_services.session.query(Patient).order_by(Patient.id)] == names
