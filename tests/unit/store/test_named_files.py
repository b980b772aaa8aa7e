from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from lungwise.patients.service import PatientFacts
from lungwise.store import FilmStore
from lungwise.store.named_files import folders, named_files, table_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def test_films_and_objects_beside_them_are_named_by_folder_and_hash(
    services: Services, film: Callable[..., bytes]
) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(identifier="7"), [("a", film(1)), ("b", film(2))])
    values: dict[str, Any] = dict.fromkeys(
        ("study_uid", "series_uid", "instance_uid", "digest", "sender", "sop_class"), "x"
    )
    values |= {"key": "report1", "clinic_id": person.clinic_id, "sha256": "c" * 64, "size": 1}
    services.session.execute(insert(table_of("other_objects")).values(values | {"created_at": services.clock()}))
    names = [FilmStore.name_of(film(1)), FilmStore.name_of(film(2))]
    assert sorted(named_files(services.session)) == sorted(
        [(study.key, names[0]), (study.key, names[1]), ("report1", "c" * 64)]
    )
    assert folders(services.session) == {study.key, "report1"}
    assert folders(services.session, "report1") == {"report1"}
    assert folders(services.session, "nothing") == set()
