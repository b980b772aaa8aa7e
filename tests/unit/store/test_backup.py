from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Row, select

from lungwise.patients.service import PatientFacts
from lungwise.settings import Settings
from lungwise.store import Base, Database, FilmStore
from lungwise.store.backup import BackupError, back_up, check_films, restore_from
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from conftest import Rooms


def everything(session: Session) -> dict[str, list[Row[*tuple[object, ...]]]]:
    return {
        table.name: list(session.execute(select(table).order_by(*table.primary_key.columns)))
        for table in Base.metadata.sorted_tables
    }


def fill(rooms: Rooms, film: Callable[..., bytes]) -> None:
    person = rooms.person()
    study = rooms.studies.open(person, PatientFacts("7", "Béla Bartók सुनीता"), [("a", film(1)), ("b", film(2, 8))])
    rooms.read_all()
    rooms.studies.conclude(person, study.key, Conclusion(agrees=True, note="line\nline"))
    rooms.session.commit()


def test_a_backup_restores_every_row_and_film_on_another_database(
    either_rooms: Rooms, film: Callable[..., bytes], tmp_path: Path, migrate: Callable[[Settings], None]
) -> None:
    fill(either_rooms, film)
    assert back_up(either_rooms.session, either_rooms.store, tmp_path / "backup.tar") == 2
    new = Settings(data_folder=tmp_path / "new")
    migrate(new)
    database, store = Database(new), FilmStore(new.films_folder)
    with database.writing() as session:
        assert restore_from(session, store, tmp_path / "backup.tar") == 2
    with database.reading() as session:
        assert everything(session) == everything(either_rooms.session)
        assert check_films(session, store).missing == []
    assert sorted(store.films()) == sorted(either_rooms.store.films())
    database.close()


def test_a_backup_is_not_poured_over_a_database_in_use(
    rooms: Rooms, film: Callable[..., bytes], tmp_path: Path
) -> None:
    fill(rooms, film)
    back_up(rooms.session, rooms.store, tmp_path / "backup.tar")
    with pytest.raises(BackupError, match="not empty"):
        restore_from(rooms.session, rooms.store, tmp_path / "backup.tar")


def test_what_is_no_backup_is_refused(rooms: Rooms, tmp_path: Path) -> None:
    (tmp_path / "backup.tar").write_bytes(b"nothing")
    with pytest.raises(BackupError, match="not a whole backup"):
        restore_from(rooms.session, rooms.store, tmp_path / "backup.tar")


def test_a_check_names_what_is_missing_damaged_or_left_over(rooms: Rooms, film: Callable[..., bytes]) -> None:
    fill(rooms, film)
    (study, first), (_, second) = sorted(rooms.store.films())
    folder = rooms.store.folder / study[:2] / study
    (folder / first).unlink()
    (folder / second).write_bytes(b"damaged")
    rooms.store.put("ffff", b"of no study")
    found = check_films(rooms.session, rooms.store)
    assert (found.missing, found.damaged) == ([(study, first)], [(study, second)])
    assert [name for name, _ in found.left_over] == ["ffff"]
