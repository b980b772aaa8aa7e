from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from lungwise.access import Person, Role
from lungwise.accounts.models import Clinic
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound, Rejected
from lungwise.patients.search import index_of, words_of
from lungwise.patients.service import PAGE, PatientFacts, Patients
from lungwise.patients.warming import NameReader
from lungwise.store import Database, utc_now
from lungwise.studies.worklist import WorklistQuery
from plans import explained, rows_read, statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from conftest import Rooms
    from lungwise.settings import Settings


WALKS_THE_CLINIC = re.compile(r"\(clinic_id=\?\)|SCAN (patients|studies)")


@pytest.mark.parametrize(
    "text",
    [
        "bartok", "BÉLA", "bela bartok", "Bartók, Béla", "bar", "b b", "h-17", "17", "H17", "h-0017", "0017",
        "सुनीता", "सुनी",
    ],
)  # fmt: skip
def test_a_patient_is_found_by_the_beginnings_of_words(text: str, rooms: Rooms) -> None:
    person = rooms.person()
    rooms.patients.find_or_add(person, PatientFacts("H-17", "Béla Bartók सुनीता"))
    rooms.patients.find_or_add(person, PatientFacts("K-20", "Clara Wieck"))
    assert [patient.identifier for patient in rooms.patients.search(person, text)] == ["H-17"]


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ("000123", "123"), ("123", "000123"), ("P-000123", "123"), ("P-000123", "p123"), ("123", "P-000123"),
        ("P-123", "P000123"), ("AB/2024/17", "2024"), ("AB/2024/17", "ab 17"), ("P-000123", "00012"),
    ],
)  # fmt: skip
def test_an_identifier_is_found_with_and_without_its_zeros_and_letters(
    identifier: str, text: str, rooms: Rooms
) -> None:
    person = rooms.person()
    rooms.patients.find_or_add(person, PatientFacts(identifier, "Béla"))
    rooms.patients.find_or_add(person, PatientFacts("X-9", "Clara"))
    assert [patient.identifier for patient in rooms.patients.search(person, text)] == [identifier]


def test_a_name_is_found_in_each_of_its_scripts(rooms: Rooms) -> None:
    person = rooms.person()
    rooms.patients.find_or_add(
        person, PatientFacts("7", "Yamada Tarou", ideographic="山田 太郎", phonetic="やまだ たろう")
    )
    for text in ("yam", "山", "太郎", "やま", "ヤマダ", "ﾔﾏﾀﾞ"):
        assert len(rooms.patients.search(person, text)) == 1, text


@pytest.mark.parametrize("text", ["artok", "%", "bela wieck", "' OR 1=1 --", "\n", "#17"])
def test_what_begins_no_word_finds_nobody(text: str, rooms: Rooms) -> None:
    person = rooms.person()
    rooms.patients.find_or_add(person, PatientFacts("H-17", "Béla Bartók"))
    rooms.patients.find_or_add(person, PatientFacts("K-20", "Clara Wieck"))
    found = rooms.patients.search(person, text)
    assert len(found) == (2 if text == "\n" else 0)  # no word is no search


def test_a_search_sees_what_other_processes_changed(either: Settings, migrate: Callable[[Settings], None]) -> None:
    migrate(either)
    here, there = Database(either), Database(either)
    with there.writing() as session:
        ada = Person(None, "Ada", add_clinic(session), Role.DOCTOR)
    with here.reading() as session:
        assert patients_over(session).search(ada, "bela") == []
    with there.writing() as session:
        key = patients_over(session).find_or_add(ada, PatientFacts("7", "Béla Bartók")).key
    with here.reading() as session:
        assert len(patients_over(session).search(ada, "bart")) == 1
    with there.writing() as session:
        patients_over(session).change(ada, key, PatientFacts("7", "Béla Kodály"))
    with here.reading() as session:
        assert (patients_over(session).search(ada, "bart"), len(patients_over(session).search(ada, "kod"))) == ([], 1)
    with there.writing() as session:
        patients_over(session).remove(ada, patients_over(session).get(ada, key), "deleted")
    with here.reading() as session:
        assert patients_over(session).search(ada, "kod") == []
    here.close()
    there.close()


def patients_over(session: Session) -> Patients:
    return Patients(session, utc_now, AuditTrail(session, utc_now))


def add_clinic(session: Session) -> int:
    clinic = Clinic(name="Hill", created_at=utc_now())
    session.add(clinic)
    session.flush()
    return clinic.id


def test_names_are_read_before_somebody_searches(either_rooms: Rooms) -> None:
    rooms, person = either_rooms, either_rooms.person()
    rooms.patients.find_or_add(person, PatientFacts("7", "Béla Bartók"))
    rooms.session.commit()
    database = Database(rooms.settings)
    NameReader(database).read_all()
    with database.reading() as session:
        assert len(index_of(session)._clinic(person.clinic_id).lines) == 1
        assert [patient.identifier for patient in patients_over(session).search(person, "bart")] == ["7"]
    database.close()


def test_names_whose_reading_was_interrupted_are_all_found_nevertheless(rooms: Rooms) -> None:
    person = rooms.person()
    for number in range(3):
        rooms.patients.find_or_add(person, PatientFacts(f"H-{number}", "Béla Bartók"))
    stopping = threading.Event()
    stopping.set()
    with patch("lungwise.patients.search._AT_ONCE", 1):
        index_of(rooms.session).warm(rooms.session, person.clinic_id, stopping)
    assert len(rooms.patients.search(person, "bart")) == 3


def test_pages_of_a_search_are_in_the_order_of_the_newest(rooms: Rooms) -> None:
    person = rooms.person()
    added = [rooms.patients.find_or_add(person, PatientFacts(f"H-{number}", "Béla")).id for number in range(PAGE + 5)]
    first = rooms.patients.search(person, "bela")
    second = rooms.patients.search(person, "bela", after=first[-1].id)
    assert [patient.id for patient in (*first, *second)] == added[::-1]
    rooms.patients.merge(person, second[0], first[0])
    assert rooms.patients.search(person, "h0054 béla") == [second[0]]


def test_the_same_identifier_is_the_same_patient_within_a_clinic_alone(rooms: Rooms) -> None:
    hill, valley = rooms.person("Ada", "Hill"), rooms.person("Bob", "Valley")
    first = rooms.patients.find_or_add(hill, PatientFacts("7", "Béla"))
    again = rooms.patients.find_or_add(hill, PatientFacts("7", "", "M", date(1981, 3, 25)))
    other = rooms.patients.find_or_add(valley, PatientFacts("7", "Clara"))
    assert first.id == again.id != other.id
    assert (first.name, first.sex) == ("Béla", "M")
    assert first.identifier_index != other.identifier_index
    with pytest.raises(NotFound):
        rooms.patients.get(valley, first.key)


ADA, BOB = PatientFacts("P-1", "Lovelace Ada", "F", date(1980, 5, 1)), PatientFacts("P-1", "Two Bob", "M")


@pytest.mark.parametrize("order", [(ADA, BOB), (BOB, ADA)])
def test_who_contradicts_is_a_patient_of_their_own_whose_identity_is_unclear(
    order: tuple[PatientFacts, PatientFacts], either_rooms: Rooms
) -> None:
    rooms, person = either_rooms, either_rooms.person()
    first, second = (rooms.patients.find_or_add(person, facts) for facts in order)
    assert (first.identity, second.identity) == ("clear", "unclear")
    assert (first.facts, second.facts) == order
    for facts, patient in zip(order, (first, second), strict=True):
        assert rooms.patients.find_or_add(person, facts).id == patient.id
        assert rooms.patients.find_or_add(person, replace(facts, name=facts.name.upper())).id == patient.id
    assert rooms.patients.count_unclear(person) == 1
    assert rooms.patients.rivals(person, second) == [first]


def test_an_identifier_of_two_issuers_is_two_patients_of_whom_nothing_is_unclear(rooms: Rooms) -> None:
    person = rooms.person()
    hill, valley = (rooms.patients.find_or_add(person, replace(ADA, issuer=issuer)) for issuer in ("HILL", "VALLEY"))
    assert hill.id != valley.id
    assert {hill.identity, valley.identity} == {"clear"}
    assert rooms.patients.find_or_add(person, replace(ADA, issuer="hill")).id == hill.id


def test_a_missing_issuer_is_any_where_nothing_contradicts(rooms: Rooms) -> None:
    person = rooms.person()
    ada = rooms.patients.find_or_add(person, ADA)
    assert rooms.patients.find_or_add(person, replace(ADA, issuer="HILL")).id == ada.id
    assert ada.issuer == "HILL"
    assert rooms.patients.find_or_add(person, ADA).id == ada.id
    assert rooms.patients.find_or_add(person, replace(ADA, issuer="VALLEY")).id != ada.id


def test_a_number_alone_that_two_have_is_neither_of_them(rooms: Rooms) -> None:
    person = rooms.person()
    known = [rooms.patients.find_or_add(person, facts).id for facts in (ADA, BOB)]
    bare = rooms.patients.find_or_add(person, PatientFacts("P-1"))
    assert bare.id not in known and bare.is_unclear and bare.name == ""
    assert rooms.patients.find_or_add(person, PatientFacts("P-1")).id == bare.id


def test_of_several_with_one_number_a_name_or_a_birth_date_tells_who_is_meant(rooms: Rooms) -> None:
    person = rooms.person()
    known = [rooms.patients.find_or_add(person, facts) for facts in (ADA, BOB, PatientFacts("P-1"))]
    clara = rooms.patients.find_or_add(person, PatientFacts("P-1", "Clara Wieck"))
    assert clara.id not in [patient.id for patient in known] and known[2].name == ""
    assert rooms.patients.find_or_add(person, PatientFacts("P-1", sex="F")).id not in (known[0].id, clara.id)
    assert rooms.patients.find_or_add(person, PatientFacts("P-1", birth_date=ADA.birth_date)).id == known[0].id


@pytest.mark.parametrize("names", [("Smith J", "Smith John", "Smith Jane"), ("Suresh", "Suresh Kumar", "Suresh Patil")])
def test_a_name_that_says_little_does_not_make_two_persons_one(names: tuple[str, ...], rooms: Rooms) -> None:
    person = rooms.person()
    first, second, third = (rooms.patients.find_or_add(person, PatientFacts("7", name)) for name in names)
    assert first.id == second.id != third.id
    assert (first.name, third.name) == names[1:]


def test_what_was_settled_holds_for_what_comes_later_and_can_be_taken_back(either_rooms: Rooms) -> None:
    rooms, person = either_rooms, either_rooms.person()
    ada, bob = (rooms.patients.find_or_add(person, facts) for facts in (ADA, BOB))
    rooms.patients.merge(person, ada, bob)
    placed = rooms.patients.place(person, BOB)
    assert (placed.patient.id, placed.apart_id) == (ada.id, bob.id)
    assert rooms.patients.place(person, ADA).apart_id is None
    assert [patient.id for patient in rooms.patients.search(person, "two")] == [ada.id]
    with pytest.raises(NotFound):
        rooms.patients.get(person, bob.key)
    rooms.patients.undo(person, bob)
    assert rooms.patients.place(person, BOB).patient.id == bob.id
    assert bob.is_unclear and ada.facts == ADA
    rooms.patients.separate(person, bob.key)
    assert rooms.patients.find_or_add(person, BOB).id == bob.id
    assert rooms.patients.count_unclear(person) == 0
    assert [patient.key for patient in rooms.patients.settled(person)] == [bob.key]
    rooms.patients.undo(person, bob)
    assert rooms.patients.count_unclear(person) == 1


def test_what_a_merged_record_added_is_taken_back_with_it(rooms: Rooms) -> None:
    person = rooms.person()
    kept = rooms.patients.find_or_add(person, PatientFacts("7"))
    gone = rooms.patients.find_or_add(person, PatientFacts("8", "Clara Wieck", "F"))
    rooms.patients.merge(person, kept, gone)
    assert (kept.identifier, kept.name) == ("7", "Clara Wieck")
    rooms.patients.undo(person, gone)
    assert kept.facts == PatientFacts("7")


def test_what_a_merged_record_added_is_taken_back_though_films_added_more(rooms: Rooms) -> None:
    person = rooms.person()
    ada = rooms.patients.find_or_add(person, PatientFacts("P-1", "Lovelace Ada"))
    bob = rooms.patients.find_or_add(person, PatientFacts("P-1", "Two Bob", birth_date=date(1950, 1, 1)))
    rooms.patients.merge(person, ada, bob)
    rooms.patients.find_or_add(person, PatientFacts("P-1", "Lovelace Ada", "F"))
    rooms.patients.undo(person, bob)
    assert ada.facts == PatientFacts("P-1", "Lovelace Ada", "F")


def test_a_record_that_was_corrected_into_another_person_takes_no_films_of_the_former(rooms: Rooms) -> None:
    person = rooms.person()
    ada = rooms.patients.find_or_add(person, replace(BOB, birth_date=date(1950, 1, 1)))
    former = ada.facts
    rooms.patients.change(person, ada.key, ADA)
    assert rooms.patients.find_or_add(person, former).id != ada.id


def test_a_changed_name_keeps_its_history_and_films_that_say_the_former_one(rooms: Rooms) -> None:
    person = rooms.person()
    clara = rooms.patients.find_or_add(person, PatientFacts("1", "Clara Wieck"))
    rooms.patients.change(person, clara.key, PatientFacts("1", "Clara Schumann"))
    assert rooms.patients.find_or_add(person, PatientFacts("1", "Wieck Clara")).id == clara.id
    assert clara.name == "Clara Schumann"
    (change,) = rooms.patients.history(person, clara)
    assert (change.facts.name, change.person_name) == ("Clara Wieck", person.name)


@pytest.mark.parametrize("born", [date(2026, 3, 3), date(1906, 3, 1)])
def test_a_birth_date_that_cannot_be_right_is_refused(born: date, rooms: Rooms) -> None:
    person = rooms.person()
    with pytest.raises(Rejected, match="birth date"):
        rooms.patients.find_or_add(person, PatientFacts("1", birth_date=born))
    patient = rooms.patients.find_or_add(person, PatientFacts("1"))
    with pytest.raises(Rejected, match="birth date"):
        rooms.patients.change(person, patient.key, PatientFacts("1", birth_date=born))


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
def test_words_hold_no_separators(text: str) -> None:
    assert all(word and " " not in word for word in words_of(text))


@pytest.mark.parametrize("text", ["bartok", "bela bartok", "S-17", "nobody"])
def test_sqlite_begins_a_search_with_the_words_though_it_never_counted_its_rows(text: str, rooms: Rooms) -> None:
    person = rooms.person()
    rooms.patients.find_or_add(person, PatientFacts("9", "Grace"))
    rooms.patients.search(person, "grace")  # the clinic's names are in memory from here on

    def search() -> None:
        rooms.patients.search(person, text)
        rooms.worklist.page(person, WorklistQuery(text=text))

    plans = [explained(rooms, statement) for statement in statements(rooms, search)]
    assert any("studies USING INDEX ix_studies_patient_id" in plan for plan in plans)
    assert any("patients USING INTEGER PRIMARY KEY" in plan for plan in plans)
    assert not [plan for plan in plans if "(clinic_id=?)" in plan or re.search(r"SCAN (patients|studies)", plan)]


def test_a_search_reads_little_more_than_it_finds(large: Rooms) -> None:
    person = large.accounts.everyone()[0].person
    with_word = len(large.patients.search(person, "bartok"))
    found = len(large.patients.search(person, "bela bartok"))
    assert 0 < found < with_word <= PAGE

    def search() -> None:
        large.patients.search(person, "bela bartok")
        large.worklist.page(person, WorklistQuery(text="bela bartok"))

    if large.session.get_bind().dialect.name == "mysql":
        everybody = rows_read(large, lambda: list(large.worklist.all(person, WorklistQuery())))
        assert 0 < rows_read(large, search) < everybody / 2
    else:
        assert not any(WALKS_THE_CLINIC.search(explained(large, one)) for one in statements(large, search))


def test_a_word_that_nearly_everybody_has_is_found_too(
    rooms: Rooms, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lungwise.studies.worklist.FEW", 2)
    person = rooms.person()
    for number in range(4):
        rooms.studies.open(person, PatientFacts(f"H-{number}", "Béla"), [("a", film(number))])
    assert len(rooms.patients.search(person, "bela")) == 4
    assert len(rooms.worklist.page(person, WorklistQuery(text="bela")).rows) == 4
    assert len(rooms.worklist.page(person, WorklistQuery(text="bela 3")).rows) == 1
