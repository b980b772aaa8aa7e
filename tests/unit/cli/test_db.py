from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from commands import ADA, Run
from lungwise.cli.serve import _prepare
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, utc_now
from lungwise.store.backup import last_backup
from lungwise.store.migrations import upgrade
from lungwise.store.way_back import copies, keep_copy
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.models import Study
from lungwise.studies.recipient_models import ReportRecipient
from lungwise.studies.service import Conclusion
from lungwise.wiring import Wiring
from report_receiver import SECRET, receiver

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_demonstration_is_drawn_read_backed_up_and_restored(
    run: type[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "demo@example.org" in run("demo", "--studies", "3").ok()
    assert "in use" in run("demo").no()
    assert "3 films" in run("db", "check").ok()
    assert "3 films" in run("db", "backup", str(tmp_path / "backup.tar")).ok()
    assert "not empty" in run("db", "restore", str(tmp_path / "backup.tar")).no()
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(tmp_path / "new"))
    assert "encryption.keys" in run("db", "restore", str(tmp_path / "backup.tar")).no()
    (text := tmp_path / "text.txt").write_text("no backup")
    assert run("db", "restore", str(text)).no() == f"Error: {text} is not a whole backup of Lungwise.\n"
    shutil.copy(tmp_path / "data" / "encryption.keys", tmp_path / "new" / "encryption.keys")
    without_secret = run("db", "restore", str(tmp_path / "backup.tar")).no()
    assert "3 films are restored" in without_secret and "secret.key is missing" in without_secret
    shutil.copy(tmp_path / "data" / "secret.key", tmp_path / "new" / "secret.key")
    assert "3 films" in run("db", "check").ok()
    run("audit", "verify").ok()


def test_a_backup_that_lacks_films_says_so_and_frees_nothing_for_deletion(run: type[Run], tmp_path: Path) -> None:
    run("demo", "--studies", "2").ok()
    settings, file = Settings(data_folder=tmp_path / "data"), str(tmp_path / "backup.tar")
    run("db", "backup", file).ok()
    with closing(Database(settings)) as database, database.reading() as session:
        before = last_backup(session, utc_now())
    study, name = next(FilmStore(settings).films())
    FilmStore(settings).remove(study, name)
    said = run("db", "backup", file).no()
    assert f"Study {study}: film {name} is missing or damaged." in said
    assert "backup.tar.incomplete lacks 1 films" in said
    assert "uploaded, or sent, again" in said and "uploaded, or sent, again" in run("db", "check").no()
    with closing(Database(settings)) as database, database.reading() as session:
        assert last_backup(session, utc_now()) == before
    said = run("db", "backup", str(tmp_path / "nowhere" / "backup.tar")).no()
    assert said == f"Error: The folder {tmp_path / 'nowhere'} does not exist.\n"
    (folder := tmp_path / "folder.incomplete").mkdir()
    said = run("db", "backup", str(folder.with_suffix(""))).no()
    assert said.startswith("Error: The backup cannot be written") and len(said.splitlines()) == 1


def test_a_backup_is_restored_where_the_service_was_started_first(run: type[Run], tmp_path: Path) -> None:
    source, backup = tmp_path / "data", str(tmp_path / "backup.tar")
    run("demo", "--studies", "1").ok()
    run("db", "backup", backup).ok()
    source.rename(tmp_path / "old")
    run("db", "upgrade").ok()
    run("users", "list").ok()
    for name in ("encryption.keys", "secret.key"):
        shutil.copy(tmp_path / "old" / name, source / name)
    assert "1 films are restored" in run("db", "restore", backup).ok()
    assert "1 films" in run("db", "check").ok()
    assert "The audit trail is whole" in run("audit", "verify").ok()
    assert "there are accounts" in run("db", "restore", backup).no()


def test_an_upgrade_is_undone_by_one_command(run: type[Run], tmp_path: Path) -> None:
    with closing(Database(Settings(data_folder=tmp_path / "data"))) as database:
        upgrade(database.engine, "0031")
    assert "There is no copy" in run("db", "go-back").no()
    said = run("db", "upgrade").ok()
    assert "schema-0031.tar holds the database as it was" in said
    assert "schema-0031.tar" not in run("db", "upgrade").ok()
    run(*ADA).ok()
    (copy,) = copies(Settings(data_folder=tmp_path / "data"))
    mark = copy.with_name("begun-from")
    mark.write_text(str(copy))  # as an upgrade that failed leaves it
    run("users", "list").ok()
    assert not mark.exists()  # this release works with the database: what is entered from now on is not in that copy
    (wrong := tmp_path / "text.txt").write_text("no copy")
    refused = f"Error: {wrong} is not a copy that an upgrade made."
    assert run("db", "go-back", "--yes", str(wrong)).no().strip() == refused
    assert copies(Settings(data_folder=tmp_path / "data")) == [copy]
    said = run("db", "go-back", "--yes").ok()
    assert "has schema 0031 again" in said and "Install the release of that schema" in said
    assert "There is no copy" in run("db", "go-back", "--yes").no()
    assert "does not have this release's schema" in run("users", "list").no()
    newest = max((tmp_path / "data" / "before-upgrades").iterdir())
    assert "Install the release" not in run("db", "go-back", "--yes", str(newest)).ok()
    assert "ada@example.org" in run("users", "list").ok()
    assert "The audit trail is whole" in run("audit", "verify").ok()


@pytest.mark.parametrize("schema", ["0001", "0008", "0009", "0010", "0011"])
def test_an_upgrade_from_an_early_schema_is_undone_too(schema: str, run: type[Run], tmp_path: Path) -> None:
    with closing(Database(Settings(data_folder=tmp_path / "data"))) as database:
        upgrade(database.engine, schema)
    run("db", "upgrade").ok()
    said = run("db", "go-back", "--yes").ok()
    assert f"has schema {schema} again" in said and "Install the release of that schema" in said
    run("db", "upgrade").ok()
    assert "The audit trail is whole" in run("audit", "verify").ok()


@pytest.mark.parametrize("command", [("users", "list"), ("db", "upgrade"), ("db", "check"), ("serve",)])
def test_an_old_program_on_a_new_database_says_so_and_stops(
    run: type[Run], tmp_path: Path, command: tuple[str, ...]
) -> None:
    with closing(Database(Settings(data_folder=tmp_path / "data"))) as database:
        upgrade(database.engine, "0001")
        with database.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    said = run(*command).no()
    assert "A later release of Lungwise has upgraded this database (schema 9999)." in said
    assert len(said.splitlines()) == 1


def go_back(settings: Settings, file: Path) -> None:
    (copy,) = copies(settings)
    Run("db", "go-back", "--yes", str(copy)).ok()


def restore(settings: Settings, file: Path) -> None:
    """Restore a backup in place of what there is."""
    old = settings.data_folder.rename(file.parent / "old")
    settings.data_folder.mkdir()
    for name in ("encryption.keys", "secret.key"):
        shutil.copy(old / name, settings.data_folder / name)
    Run("db", "restore", str(file)).ok()


@pytest.mark.parametrize("put_back", [go_back, restore])
def test_what_is_sent_after_an_earlier_database_was_put_back_is_new_to_whoever_has_later_versions(
    put_back: Callable[[Settings, Path], None], run: type[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, backup = Settings(data_folder=tmp_path / "data"), tmp_path / "backup.tar"
    with receiver() as there:
        monkeypatch.setenv("LUNGWISE_REPORT_WEBHOOK_URL", there.url)
        monkeypatch.setenv("LUNGWISE_REPORT_WEBHOOK_SECRET", SECRET)
        run("demo", "--studies", "1").ok()
        with closing(Database(settings)) as database:
            keep_copy(database, settings)
        run("db", "backup", str(backup)).ok()
        run("send").ok()
        conclude(settings)
        run("send").ok()
        put_back(settings, backup)
        run("send").ok()
        conclude(settings)
        run("send").ok()
    versions = [json.loads(got.body)["version"] for got in there.got]
    assert len(versions) == 4 and versions == sorted(set(versions))


def upgrade_by_command(settings: Settings) -> None:
    Run("db", "upgrade").ok()


@pytest.mark.parametrize("begin", [upgrade_by_command, _prepare])
def test_an_upgrade_notes_who_has_reports_of_an_earlier_release(
    begin: Callable[[Settings], None], run: type[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_folder=tmp_path / "data")
    with receiver() as there:
        monkeypatch.setenv("LUNGWISE_REPORT_WEBHOOK_URL", there.url)
        monkeypatch.setenv("LUNGWISE_REPORT_WEBHOOK_SECRET", SECRET)
        run("demo", "--studies", "2").ok()
        run("send").ok()
    with closing(Database(settings)) as database:
        with database.writing() as session:
            session.query(ReportRecipient).delete()
        begin(settings)
        with database.reading() as session:
            assert session.query(ReportRecipient).count() == 2


def conclude(settings: Settings) -> None:
    """Conclude on every study, in other words than before."""
    with closing(Database(settings)) as database, database.writing() as session:
        services = Wiring(settings, FilmStore(settings)).over(session)
        ada = services.accounts.by_email("demo@example.org")
        assert ada is not None
        for study in session.query(Study):
            note = f"note {len(study.opinions)}"
            services.studies.conclude(ada.person, study.key, Conclusion(conclusion=Diagnosis.TUBERCULOSIS, note=note))
