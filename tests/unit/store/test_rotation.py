from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, text

from lungwise.patients.models import Patient
from lungwise.patients.service import PatientFacts
from lungwise.store import Database, rotation
from lungwise.store.keys import Keys
from lungwise.store.rotation import count_stale_rows, reencrypt_films, reencrypt_rows, stale_films
from lungwise.studies.models import Opinion
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rooms
    from lungwise.access import Person


def fill(rooms: Rooms, film: Callable[..., bytes], count: int) -> Person:
    person = rooms.person()
    for number in range(count):
        facts = PatientFacts(f"H-{number}", f"Béla Bartók{number}", "M", date(1981, 3, 25) if number % 2 else None)
        study = rooms.studies.open(person, facts, [("a", film(number))])
        rooms.studies.conclude(person, study.key, Conclusion(agrees=True, note=f"a scar {number}"))
    rooms.session.commit()
    return person


def what_is_said(rooms: Rooms) -> list[object]:
    rooms.session.expire_all()
    patients = rooms.session.scalars(select(Patient).order_by(Patient.id))
    opinions = rooms.session.scalars(select(Opinion).order_by(Opinion.id))
    said = [(patient.identifier, patient.name, patient.birth_date) for patient in patients]
    return [*said, *(opinion.note for opinion in opinions)]


@pytest.mark.parametrize("killed_after", [0, 1, 2])
def test_rows_are_encrypted_again_and_a_killed_run_goes_on(
    killed_after: int, either_rooms: Rooms, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH_SIZE", 2)
    fill(either_rooms, film, 5)
    before = what_is_said(either_rooms)
    either_rooms.session.rollback()
    database = Database(either_rooms.settings)
    database.keys.add()
    with database.reading() as session:
        assert count_stale_rows(session) == 10
    for _batch, _done in zip(range(killed_after), reencrypt_rows(database), strict=False):
        pass
    with database.reading() as session:
        left = count_stale_rows(session)
    assert left <= 10 - 2 * killed_after
    assert what_is_said(either_rooms) == before
    either_rooms.session.rollback()
    assert sum(reencrypt_rows(database)) == left
    with database.reading() as session:
        assert count_stale_rows(session) == 0
    assert what_is_said(either_rooms) == before
    database.close()


def test_patients_are_found_by_either_keys_index_while_they_are_indexed_anew(
    either_rooms: Rooms, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = either_rooms
    monkeypatch.setattr("lungwise.patients.records.REINDEXED_AT_ONCE", 2)
    person = fill(rooms, film, 5)
    file = rooms.settings.data_folder / "encryption.keys"
    Keys(rooms.settings).add()
    after: int | None = 0
    done = 0
    while after is not None:
        assert len(rooms.patients.search.page(person, "bela")) == 5
        assert [patient.identifier for patient in rooms.patients.search.page(person, "bartok3")] == ["H-3"]
        assert rooms.patients.find_or_add(person, PatientFacts("H-4")).name == "Béla Bartók4"
        count, after = rooms.patients.records.reindex(after)
        rooms.session.commit()
        done += count
    assert done == 5
    assert rooms.patients.records.count_stale() == 0
    rooms.session.rollback()
    database = Database(rooms.settings)
    assert sum(reencrypt_rows(database)) == 10
    database.close()
    file.write_text(file.read_text().splitlines()[0])
    assert len(rooms.patients.search.page(person, "bela")) == 5
    assert rooms.session.scalar(select(func.count()).select_from(Patient)) == 5


def test_films_are_encrypted_again_and_a_killed_run_goes_on(rooms: Rooms, film: Callable[..., bytes]) -> None:
    fill(rooms, film, 4)
    before = {film: rooms.store.get(*film) for film in rooms.store.films()}
    database = Database(rooms.settings)
    database.keys.add()
    next(reencrypt_films(database, rooms.store))
    assert len(list(stale_films(rooms.store))) == 3
    assert sum(1 for _film in reencrypt_films(database, rooms.store)) == 3
    assert list(stale_films(rooms.store)) == []
    assert {film: rooms.store.get(*film) for film in rooms.store.films()} == before
    database.close()


def test_a_study_deleted_while_its_film_is_encrypted_again_stays_deleted(
    rooms: Rooms, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(rooms, film, 1)
    database, reencrypt = Database(rooms.settings), rooms.store.reencrypt
    database.keys.add()

    def deleted_meanwhile(study: str, name: str) -> None:
        kept = rooms.store.encrypted(study, name)
        with database.writing() as session:
            session.execute(text("DELETE FROM studies"))
        rooms.store.delete(study)
        rooms.store.put_encrypted(study, name, kept)  # as a writer does that had read the film before
        reencrypt(study, name)

    monkeypatch.setattr(rooms.store, "reencrypt", deleted_meanwhile)
    assert sum(1 for _film in reencrypt_films(database, rooms.store)) == 1
    assert list(rooms.store.films()) == []
    database.close()
