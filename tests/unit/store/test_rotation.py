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

    from conftest import Services
    from lungwise.access import Person


def fill(services: Services, film: Callable[..., bytes], count: int) -> Person:
    person = services.person()
    for number in range(count):
        facts = PatientFacts(
            identifier=f"H-{number}",
            name=f"Béla Bartók{number}",
            sex="M",
            birth_date=date(1981, 3, 25) if number % 2 else None,
        )
        study = services.studies.open(person, facts, [("a", film(number))])
        services.studies.conclude(person, study.key, Conclusion(note=f"a scar {number}"))
    services.session.commit()
    return person


def what_is_said(services: Services) -> list[object]:
    services.session.expire_all()
    patients = services.session.scalars(select(Patient).order_by(Patient.id))
    opinions = services.session.scalars(select(Opinion).order_by(Opinion.id))
    said = [(patient.identifier, patient.name, patient.birth_date) for patient in patients]
    return [*said, *(opinion.note for opinion in opinions)]


@pytest.mark.parametrize("killed_after", [0, 1, 2])
def test_rows_are_encrypted_again_and_a_killed_run_goes_on(
    killed_after: int, either_services: Services, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH_SIZE", 2)
    fill(either_services, film, 5)
    before = what_is_said(either_services)
    either_services.session.rollback()
    database = Database(either_services.settings)
    database.keys.add()
    with database.reading() as session:
        assert count_stale_rows(session) == 15
    for _batch, _done in zip(range(killed_after), reencrypt_rows(database), strict=False):
        pass
    with database.reading() as session:
        left = count_stale_rows(session)
    assert left <= 15 - 2 * killed_after
    assert what_is_said(either_services) == before
    either_services.session.rollback()
    assert sum(reencrypt_rows(database)) == left
    with database.reading() as session:
        assert count_stale_rows(session) == 0
    assert what_is_said(either_services) == before
    database.close()


def test_patients_are_found_by_either_keys_index_while_they_are_indexed_anew(
    either_services: Services, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    services = either_services
    monkeypatch.setattr("lungwise.patients.records.REINDEXED_AT_ONCE", 2)
    person = fill(services, film, 5)
    file = services.settings.data_folder / "encryption.keys"
    Keys(services.settings).add()
    after: int | None = 0
    done = 0
    while after is not None:
        assert len(services.patients.search.page(person, "bela")) == 5
        assert [patient.identifier for patient in services.patients.search.page(person, "bartok3")] == ["H-3"]
        assert services.patients.match_or_add(person, PatientFacts(identifier="H-4")).patient.name == "Béla Bartók4"
        count, after = services.patients.records.reindex(after)
        services.session.commit()
        done += count
    assert done == 5
    assert services.patients.records.count_stale() == 0
    services.session.rollback()
    database = Database(services.settings)
    assert sum(reencrypt_rows(database)) == 15
    database.close()
    file.write_text(file.read_text().splitlines()[0])
    assert len(services.patients.search.page(person, "bela")) == 5
    assert services.session.scalar(select(func.count()).select_from(Patient)) == 5


def test_films_are_encrypted_again_and_a_killed_run_goes_on(services: Services, film: Callable[..., bytes]) -> None:
    fill(services, film, 4)
    before = {film: services.store.get(*film) for film in services.store.films()}
    database = Database(services.settings)
    database.keys.add()
    next(reencrypt_films(database, services.store))
    assert len(list(stale_films(services.store))) == 3
    assert sum(1 for _film in reencrypt_films(database, services.store)) == 3
    assert list(stale_films(services.store)) == []
    assert {film: services.store.get(*film) for film in services.store.films()} == before
    database.close()


def test_a_study_deleted_while_its_film_is_encrypted_again_stays_deleted(
    services: Services, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(services, film, 1)
    database, reencrypt = Database(services.settings), services.store.reencrypt
    database.keys.add()

    def deleted_meanwhile(study: str, name: str) -> None:
        kept = services.store.encrypted(study, name)
        with database.writing() as session:
            session.execute(text("DELETE FROM studies"))
        services.store.delete(study)
        services.store.put_encrypted(study, name, kept)  # as a writer does that had read the film before
        reencrypt(study, name)

    monkeypatch.setattr(services.store, "reencrypt", deleted_meanwhile)
    assert sum(1 for _film in reencrypt_films(database, services.store)) == 1
    assert list(services.store.films()) == []
    database.close()
