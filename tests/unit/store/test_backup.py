from __future__ import annotations

import io
import tarfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlalchemy import Row, select

from lungwise.access import Role
from lungwise.patients.service import PatientFacts
from lungwise.settings import Settings
from lungwise.store import Base, Database, FilmStore
from lungwise.store.backup import Backup, FilmCheck, back_up, check_films, restore_from
from lungwise.store.manifest import BackupError, content
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def backed_up(services: Services, file: Path) -> Backup:
    with closing(Database(services.settings)) as database:
        return back_up(database, services.store, file)


def checked(services: Services, store: FilmStore) -> FilmCheck:
    with closing(Database(services.settings)) as database:
        return check_films(database, store)


def keys_of(settings: Settings) -> str:
    return (settings.data_folder / "encryption.keys").read_text()


def test_a_backup_restores_every_row_and_film_on_another_database(
    either_services: Services, film: Callable[..., bytes], tmp_path: Path, migrate: Callable[[Settings], None]
) -> None:
    fill(either_services, film)
    assert backed_up(either_services, tmp_path / "backup.tar").films == 2
    new = Settings(data_folder=tmp_path / "new", encryption_keys=SecretStr(keys_of(either_services.settings)))
    migrate(new)
    database, store = Database(new), FilmStore(new)
    with database.writing() as session:
        assert restore_from(session, store, tmp_path / "backup.tar") == 2
    with database.reading() as session:
        assert everything(session) == everything(either_services.session)
    assert check_films(database, store).missing == []
    assert sorted(store.films()) == sorted(either_services.store.films())
    database.close()


def test_a_backup_says_nothing_without_its_keys(
    services: Services, film: Callable[..., bytes], tmp_path: Path, migrate: Callable[[Settings], None]
) -> None:
    fill(services, film)
    backed_up(services, tmp_path / "backup.tar")
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
    before: dict[str, list[Row[*tuple[object, ...]]]] = {}

    class Busy(Database):
        @contextmanager
        def snapshot(self) -> Iterator[Session]:
            with super().snapshot() as session:
                before.update(everything(session))
                fill_more(either_services, film)
                yield session

    with closing(Busy(either_services.settings)) as database:
        back_up(database, either_services.store, tmp_path / "backup.tar")
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
    backed_up(either_services, tmp_path / "backup.tar")
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
    backed_up(services, tmp_path / "backup.tar")
    parts = parts_of(tmp_path / "backup.tar")
    write_parts(tmp_path / "old.tar", {name: data for name, data in parts.items() if not name.startswith("manifest")})
    new = Settings(data_folder=tmp_path / "new", encryption_keys=SecretStr(keys_of(services.settings)))
    migrate(new)
    with (
        closing(Database(new)) as database,
        database.writing() as session,
        pytest.raises(BackupError, match="is not a whole backup"),
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
    backed_up(services, tmp_path / "backup.tar")
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
    found = checked(services, services.store)
    assert (found.missing, found.damaged) == ([(study, first)], [(study, second)])
    assert [name for name, _ in found.left_over] == ["ffff"]


class Store(FilmStore):
    """A film store beside which something happens while its films are read, or listed."""

    def __init__(self, settings: Settings, meanwhile: Callable[[], object], *, listed: bool = False) -> None:
        super().__init__(settings)
        self._meanwhile, self._listed = meanwhile, listed

    def films(self) -> Iterator[tuple[str, str]]:
        """Yield the films, and let it happen then."""
        yield from super().films()
        if self._listed:
            self._meanwhile()

    def get(self, study: str, name: str) -> bytes:
        """Let it happen, and read then."""
        if not self._listed:
            self._meanwhile()
        return super().get(study, name)

    def encrypted(self, study: str, name: str) -> bytes:
        """Let it happen, and read then."""
        self._meanwhile()
        return super().encrypted(study, name)


def delete_all(services: Services) -> None:
    if studies := {study for study, _name in services.store.films()}:
        person = services.person("Eve")
        for study in studies:
            services.studies.delete(person, study)
        services.session.commit()


def test_what_comes_or_is_deleted_during_a_check_is_no_fault(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    fill(either_services, film)
    arriving = Store(either_services.settings, lambda: fill_more(either_services, film), listed=True)
    found = checked(either_services, arriving)
    assert (found.films, found.wrong) == (3, {"missing": [], "damaged": []})
    deleting = Store(either_services.settings, lambda: delete_all(either_services))
    found = checked(either_services, deleting)
    assert (found.films, found.wrong) == (3, {"missing": [], "damaged": []})


def test_a_check_ends_where_the_store_does_not_answer(services: Services, film: Callable[..., bytes]) -> None:
    fill(services, film)
    with pytest.raises(OSError, match="away"):
        checked(services, Store(services.settings, is_away))


def is_away() -> None:
    raise OSError("The bucket is away")


def test_a_film_deleted_during_a_backup_is_left_out(
    either_services: Services, film: Callable[..., bytes], tmp_path: Path
) -> None:
    fill(either_services, film)
    deleting = Store(either_services.settings, lambda: delete_all(either_services))
    with closing(Database(either_services.settings)) as database:
        written = back_up(database, deleting, tmp_path / "backup.tar")
    assert (written.films, written.lost) == (0, [])


@pytest.mark.parametrize("loss", ["missing", "damaged"])
def test_a_backup_that_lacks_a_film_names_it_and_replaces_no_other(
    loss: str, either_services: Services, film: Callable[..., bytes], tmp_path: Path
) -> None:
    services, file = either_services, tmp_path / "backup.tar"
    fill(services, film)
    backed_up(services, file)
    whole = file.read_bytes()
    (study, name), other = sorted(services.store.films())
    path = services.settings.films_folder / study[:2] / study / name
    path.unlink() if loss == "missing" else path.write_bytes(b"damaged")
    written = backed_up(services, file)
    assert written == Backup(file=tmp_path / "backup.tar.incomplete", films=1, lost=[(study, name)], arrival="")
    assert file.read_bytes() == whole
    assert [part for part in parts_of(written.file) if part.startswith("films/")] == ["films/{}/{}".format(*other)]
    assert backed_up(services, tmp_path / "another.tar").file == tmp_path / "another.tar"
    services.store.put(study, film(1) if services.store.name_of(film(1)) == name else film(2, 8), anew=True)
    assert backed_up(services, file) == Backup(file=file, films=2, lost=[], arrival="")
    assert sorted(path.name for path in tmp_path.glob("*.tar*")) == ["another.tar", "backup.tar"]


def test_a_backup_that_cannot_be_written_leaves_the_old_one_and_nothing_else(
    services: Services, film: Callable[..., bytes], tmp_path: Path
) -> None:
    fill(services, film)
    backed_up(services, tmp_path / "backup.tar")
    assert (tmp_path / "backup.tar").stat().st_mode & 0o777 == 0o600
    whole, files = (tmp_path / "backup.tar").read_bytes(), sorted(tmp_path.iterdir())
    with closing(Database(services.settings)) as database, pytest.raises(OSError, match="away"):
        back_up(database, Store(services.settings, is_away), tmp_path / "backup.tar")
    assert (tmp_path / "backup.tar").read_bytes() == whole
    assert sorted(tmp_path.iterdir()) == files
