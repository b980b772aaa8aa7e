from __future__ import annotations

import io
import tarfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlalchemy import Row, select

from lungwise.access import Role
from lungwise.patients.service import PatientFacts
from lungwise.settings import Settings
from lungwise.store import Base, Database, FilmStore
from lungwise.store.backup import back_up, check_films, restore_from
from lungwise.store.manifest import BackupError, content
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from conftest import Services


def everything(session: Session) -> dict[str, list[Row[*tuple[object, ...]]]]:
    return {
        table.name: list(session.execute(select(table).order_by(*table.primary_key.columns)))
        for table in Base.metadata.sorted_tables
    }


def fill(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    study = services.studies.open(
        person, PatientFacts(identifier="7", name="Béla Bartók सुनीता"), [("a", film(1)), ("b", film(2, 8))]
    )
    services.read_all()
    services.studies.conclude(person, study.key, Conclusion(agrees=True, note="line\nline"))
    services.session.commit()


def fill_more(services: Services, film: Callable[..., bytes]) -> None:
    services.studies.open(services.person("Bob"), PatientFacts(identifier="8", name="Clara Wieck"), [("c", film(3))])
    services.read_all()


def keys_of(settings: Settings) -> str:
    return (settings.data_folder / "encryption.keys").read_text()


def test_a_backup_restores_every_row_and_film_on_another_database(
    either_services: Services, film: Callable[..., bytes], tmp_path: Path, migrate: Callable[[Settings], None]
) -> None:
    fill(either_services, film)
    assert back_up(either_services.session, either_services.store, tmp_path / "backup.tar") == 2
    new = Settings(data_folder=tmp_path / "new", encryption_keys=SecretStr(keys_of(either_services.settings)))
    migrate(new)
    database, store = Database(new), FilmStore(new)
    with database.writing() as session:
        assert restore_from(session, store, tmp_path / "backup.tar") == 2
    with database.reading() as session:
        assert everything(session) == everything(either_services.session)
        assert check_films(session, store).missing == []
    assert sorted(store.films()) == sorted(either_services.store.films())
    database.close()


def test_a_backup_says_nothing_without_its_keys(
    services: Services, film: Callable[..., bytes], tmp_path: Path, migrate: Callable[[Settings], None]
) -> None:
    fill(services, film)
    back_up(services.session, services.store, tmp_path / "backup.tar")
    written = (tmp_path / "backup.tar").read_bytes()
    for secret in ("Bartók".encode(), b"line", b"JFIF", keys_of(services.settings).encode()):
        assert secret not in written
    new = Settings(data_folder=tmp_path / "new")
    migrate(new)
    database, store = Database(new), FilmStore(new)
    with pytest.raises(BackupError, match=r"encryption\.keys"), database.writing() as session:
        restore_from(session, store, tmp_path / "backup.tar")
    with database.reading() as session:
        assert not any(everything(session).values())
    assert list(store.films()) == []
    database.close()


def test_a_backup_is_of_one_moment(
    either_services: Services, film: Callable[..., bytes], tmp_path: Path, migrate: Callable[[Settings], None]
) -> None:
    fill(either_services, film)
    database = Database(either_services.settings)
    with database.snapshot() as session:
        before = everything(session)
        fill_more(either_services, film)
        back_up(session, either_services.store, tmp_path / "backup.tar")
    database.close()
    new = Settings(data_folder=tmp_path / "new", encryption_keys=SecretStr(keys_of(either_services.settings)))
    migrate(new)
    restored = Database(new)
    with restored.writing() as session:
        restore_from(session, FilmStore(new), tmp_path / "backup.tar")
        assert everything(session) == before
    restored.close()


def test_a_backup_with_a_promoted_role_is_refused_and_nothing_is_restored(
    either_services: Services, film: Callable[..., bytes], tmp_path: Path, migrate: Callable[[Settings], None]
) -> None:
    either_services.user("Mallory", "Hill", Role.DOCTOR)
    fill(either_services, film)
    back_up(either_services.session, either_services.store, tmp_path / "backup.tar")
    parts = parts_of(tmp_path / "backup.tar")
    promoted = parts["tables/users.jsonl"].replace(b'"doctor"', b'"administrator"')
    assert promoted != parts["tables/users.jsonl"]
    write_parts(tmp_path / "forged.tar", parts | {"tables/users.jsonl": promoted})
    new = Settings(data_folder=tmp_path / "new", encryption_keys=SecretStr(keys_of(either_services.settings)))
    migrate(new)
    with closing(Database(new)) as database:
        with pytest.raises(BackupError, match=r"users\.jsonl was changed"), database.writing() as session:
            restore_from(session, FilmStore(new), tmp_path / "forged.tar")
        with database.reading() as session:
            assert not any(everything(session).values())
    assert list(FilmStore(new).films()) == []


def test_a_backup_without_a_manifest_is_refused(
    services: Services, film: Callable[..., bytes], tmp_path: Path, migrate: Callable[[Settings], None]
) -> None:
    fill(services, film)
    back_up(services.session, services.store, tmp_path / "backup.tar")
    parts = parts_of(tmp_path / "backup.tar")
    write_parts(tmp_path / "old.tar", {name: data for name, data in parts.items() if not name.startswith("manifest")})
    new = Settings(data_folder=tmp_path / "new", encryption_keys=SecretStr(keys_of(services.settings)))
    migrate(new)
    with (
        closing(Database(new)) as database,
        database.writing() as session,
        pytest.raises(BackupError, match="manifest"),
    ):
        restore_from(session, FilmStore(new), tmp_path / "old.tar")


def parts_of(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {member.name: content(archive, member) for member in archive}


def write_parts(file: Path, parts: dict[str, bytes]) -> None:
    with tarfile.open(file, "w") as archive:
        for name, data in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def test_a_backup_of_another_schema_is_refused(services: Services, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "backup.tar", "w") as archive:
        schema = tarfile.TarInfo("schema.json")
        schema.size = 8
        archive.addfile(schema, io.BytesIO(b'["0000"]'))
    with pytest.raises(BackupError, match="another schema"):
        restore_from(services.session, services.store, tmp_path / "backup.tar")


def test_a_backup_is_not_poured_over_a_database_in_use(
    services: Services, film: Callable[..., bytes], tmp_path: Path
) -> None:
    fill(services, film)
    back_up(services.session, services.store, tmp_path / "backup.tar")
    with pytest.raises(BackupError, match="not empty"):
        restore_from(services.session, services.store, tmp_path / "backup.tar")


def test_what_is_no_backup_is_refused(services: Services, tmp_path: Path) -> None:
    (tmp_path / "backup.tar").write_bytes(b"nothing")
    with pytest.raises(BackupError, match="not a whole backup"):
        restore_from(services.session, services.store, tmp_path / "backup.tar")


def test_a_check_names_what_is_missing_damaged_or_left_over(services: Services, film: Callable[..., bytes]) -> None:
    fill(services, film)
    (study, first), (_, second) = sorted(services.store.films())
    folder = services.settings.films_folder / study[:2] / study
    (folder / first).unlink()
    (folder / second).write_bytes(b"damaged")
    services.store.put("ffff", b"of no study")
    found = check_films(services.session, services.store)
    assert (found.missing, found.damaged) == ([(study, first)], [(study, second)])
    assert [name for name, _ in found.left_over] == ["ffff"]
