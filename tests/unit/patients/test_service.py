from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from lungwise.accounts.person import Role
from lungwise.errors import NotFound, Rejected
from lungwise.patients.service import PAGE, PatientFacts, words_of
from lungwise.studies.worklist import Wanted
from plans import explained, rows_read, statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rooms


WALKS_THE_CLINIC = re.compile(r"\(clinic_id=\?\)|SCAN (patients|studies|patient_words)")


@pytest.mark.parametrize("text", ["bartok", "BÉLA", "bela bartok", "Bartók, Béla", "h-17", "17", "सुनीता"])
def test_a_patient_is_found_by_whole_words(text: str, either_rooms: Rooms) -> None:
    person = either_rooms.person()
    either_rooms.patients.find_or_add(person, PatientFacts("H-17", "Béla Bartók सुनीता"))
    either_rooms.patients.find_or_add(person, PatientFacts("K-20", "Clara Wieck"))
    assert [patient.identifier for patient in either_rooms.patients.search(person, text)] == ["H-17"]


@pytest.mark.parametrize("text", ["artok", "barto", "%", "bela wieck", "' OR 1=1 --"])
def test_what_is_in_no_word_finds_nobody(text: str, rooms: Rooms) -> None:
    person = rooms.person()
    rooms.patients.find_or_add(person, PatientFacts("H-17", "Béla Bartók"))
    rooms.patients.find_or_add(person, PatientFacts("K-20", "Clara Wieck"))
    assert rooms.patients.search(person, text) == []


def test_the_same_identifier_is_the_same_patient_within_a_clinic_alone(rooms: Rooms) -> None:
    hill, valley = rooms.person("Ada", "Hill"), rooms.person("Bob", "Valley")
    first = rooms.patients.find_or_add(hill, PatientFacts("7", "Béla"))
    again = rooms.patients.find_or_add(hill, PatientFacts("7", "", "M", date(1881, 3, 25)))
    other = rooms.patients.find_or_add(valley, PatientFacts("7", "Clara"))
    assert first.id == again.id != other.id
    assert (first.name, first.sex) == ("Béla", "M")
    with pytest.raises(NotFound):
        rooms.patients.get(valley, first.key)


def test_the_database_itself_keeps_identifiers_unique_within_a_clinic(either_rooms: Rooms) -> None:
    rooms = either_rooms
    hill, valley = rooms.person("Ada", "Hill"), rooms.person("Bob", "Valley")
    first, second, third = (
        rooms.patients.find_or_add(person, PatientFacts(identifier))
        for person, identifier in ((hill, "7"), (hill, "8"), (valley, "7"))
    )
    assert first.identifier_index != third.identifier_index
    rooms.session.commit()
    second.identifier_index = first.identifier_index
    with pytest.raises(IntegrityError):
        rooms.session.flush()


def test_two_patients_without_identifiers_get_two(rooms: Rooms) -> None:
    person = rooms.person()
    pair = [rooms.patients.find_or_add(person, PatientFacts()).identifier for _ in range(2)]
    assert len(set(pair)) == 2


def test_a_patient_does_not_take_another_ones_identifier(rooms: Rooms) -> None:
    person = rooms.person()
    rooms.patients.find_or_add(person, PatientFacts("1"))
    second = rooms.patients.find_or_add(person, PatientFacts("2"))
    with pytest.raises(Rejected, match="Merge"):
        rooms.patients.change(person, second.key, PatientFacts("1"))
    with pytest.raises(Rejected, match="identifier"):
        rooms.patients.change(person, second.key, PatientFacts(" "))


def test_a_changed_name_is_found_and_the_old_one_is_not(rooms: Rooms) -> None:
    person = rooms.person()
    patient = rooms.patients.find_or_add(person, PatientFacts("1", "Clara Wieck"))
    rooms.patients.change(person, patient.key, PatientFacts("1", "Clara Schumann"))
    assert len(rooms.patients.search(person, "schumann")) == 1
    assert rooms.patients.search(person, "wieck") == []


def test_a_radiologist_does_not_change_patients(rooms: Rooms) -> None:
    patient = rooms.patients.find_or_add(rooms.person(), PatientFacts("1"))
    with pytest.raises(NotFound):
        rooms.patients.change(rooms.person("Bob", role=Role.RADIOLOGIST), patient.key, PatientFacts("2"))


def test_the_age_counts_birthdays(rooms: Rooms) -> None:
    patient = rooms.patients.find_or_add(rooms.person(), PatientFacts("1", birth_date=date(1980, 3, 2)))
    assert patient.age(date(2026, 3, 1)) == 45
    assert patient.age(date(2026, 3, 2)) == 46


@given(st.text(max_size=300))
def test_words_hold_no_separators_and_fit_their_column(text: str) -> None:
    assert all(0 < len(word) <= 64 and " " not in word for word in words_of(text))


@pytest.mark.parametrize("text", ["bartok", "bela bartok", "S-17", "nobody"])
def test_sqlite_begins_a_search_with_the_words_though_it_never_counted_its_rows(text: str, rooms: Rooms) -> None:
    person = rooms.person()

    def search() -> None:
        rooms.patients.search(person, text)
        rooms.worklist.page(person, Wanted(text=text))

    plans = [explained(rooms, statement) for statement in statements(rooms, search)]
    assert any("studies USING INDEX ix_studies_patient_id" in plan for plan in plans)
    assert any("patients USING INTEGER PRIMARY KEY" in plan for plan in plans)
    assert not [
        plan for plan in plans if "(clinic_id=?)" in plan or re.search(r"SCAN (patients|studies|patient_w)", plan)
    ]


def test_a_search_reads_little_more_than_it_finds(large: Rooms) -> None:
    person = large.accounts.everyone()[0].person
    with_word = len(large.patients.search(person, "bartok"))
    found = len(large.patients.search(person, "bela bartok"))
    assert 0 < found < with_word <= PAGE

    def search() -> None:
        large.patients.search(person, "bela bartok")
        large.worklist.page(person, Wanted(text="bela bartok"))

    if large.session.get_bind().dialect.name == "mysql":
        everybody = rows_read(large, lambda: list(large.worklist.all(person, Wanted())))
        assert 0 < rows_read(large, search) < everybody / 2
    else:
        assert not any(WALKS_THE_CLINIC.search(explained(large, one)) for one in statements(large, search))


def test_a_word_that_nearly_everybody_has_is_found_too(
    rooms: Rooms, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lungwise.patients.service.FEW", 2)
    person = rooms.person()
    for number in range(4):
        rooms.studies.open(person, PatientFacts(f"H-{number}", "Béla"), [("a", film(number))])
    assert len(rooms.patients.search(person, "bela")) == 4
    assert len(rooms.worklist.page(person, Wanted(text="bela"))[0]) == 4
    assert len(rooms.worklist.page(person, Wanted(text="bela 3"))[0]) == 1
