from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from lungwise.patients.service import PatientFacts
from lungwise.store import FilmStore
from lungwise.store.named_files import folders, named_files, table_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rooms


def test_films_and_objects_beside_them_are_named_by_folder_and_hash(rooms: Rooms, film: Callable[..., bytes]) -> None:
    person = rooms.person()
    study = rooms.studies.open(person, PatientFacts("7"), [("a", film(1)), ("b", film(2))])
    values: dict[str, Any] = dict.fromkeys(
        ("study_uid", "series_uid", "instance_uid", "digest", "sender", "sop_class"), "x"
    )
    values |= {"key": "report1", "clinic_id": person.clinic_id, "sha256": "c" * 64, "size": 1}
    rooms.session.execute(insert(table_of("other_objects")).values(values | {"created_at": rooms.clock()}))
    names = [FilmStore.name_of(film(1)), FilmStore.name_of(film(2))]
    assert sorted(named_files(rooms.session)) == sorted(
        [(study.key, names[0]), (study.key, names[1]), ("report1", "c" * 64)]
    )
    assert folders(rooms.session) == {study.key, "report1"}
    assert folders(rooms.session, "report1") == {"report1"}
    assert folders(rooms.session, "nothing") == set()
