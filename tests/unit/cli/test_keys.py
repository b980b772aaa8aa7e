from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from lungwise.access import Role
from lungwise.audit.closed_clinics import close_clinic
from lungwise.cli import main
from lungwise.patients.service import PatientFacts
from lungwise.settings import Settings
from lungwise.settings.checks import key_bytes, new_key_text
from lungwise.store import Database, check_keys
from lungwise.store.facts import save_fact
from lungwise.store.migrations import schema_of, upgrade
from lungwise.store.way_back import copies
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def filled(everywhere_services: Services, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> Services:
    services, settings = everywhere_services, everywhere_services.settings
    for name in ("data_folder", "database_url", "films_url", "s3_endpoint", "s3_region"):
        monkeypatch.setenv(f"LUNGWISE_{name.upper()}", str(getattr(settings, name)))
    for name in ("s3_access_key", "s3_secret_key"):
        monkeypatch.setenv(f"LUNGWISE_{name.upper()}", getattr(settings, name).get_secret_value())
    ada = services.person()
    for number in range(3):
        facts = PatientFacts(identifier=f"H-{number}", name="Béla Bartók")
        study = services.studies.open(ada, facts, [("a", film(number))])
        services.studies.conclude(ada, study.key, Conclusion(note="a scar"))
    services.session.commit()
    return services


def test_a_new_key_encrypts_all_that_is_stored_and_the_old_one_can_go(filled: Services) -> None:
    file = filled.settings.data_folder / "encryption.keys"
    films = {place: filled.store.get(*place) for place in filled.store.films()}
    assert json.loads(run("keys", "list", "--json"))["left"] == {"rows": 0, "patients": 0, "orders": 0, "films": 0}
    (old,) = json.loads(run("keys", "list", "--json"))["keys"]
    assert "encrypts from now on" in run("keys", "new")
    listed = json.loads(run("keys", "list", "--json"))
    assert listed["keys"][1] == old
    assert listed["left"] == {"rows": 9, "patients": 3, "orders": 0, "films": 3}
    assert "Run: lungwise keys rotate" in run("keys", "list")
    assert "Everything is encrypted" in run("keys", "rotate")
    assert "Everything is encrypted" in run("keys", "rotate")
    new = file.read_text().splitlines()[0]
    file.write_text(new)
    assert {place: filled.store.get(*place) for place in filled.store.films()} == films
    assert "3 films" in run("db", "check")
    filled.session.expire_all()
    ada = filled.person("Bob")
    assert {patient.name for patient in filled.patients.search.page(ada, "bela")} == {"Béla Bartók"}
    filled.session.rollback()


def test_a_key_that_is_still_needed_is_asked_for(filled: Services) -> None:
    file = filled.settings.data_folder / "encryption.keys"
    run("keys", "list")
    file.write_text(new_key_text())
    for words in (("keys", "list"), ("keys", "rotate"), ("db", "check"), ("users", "list")):
        assert "is missing" in run(*words, code=1)


def test_lost_keys_are_said_and_none_are_made_in_their_place(filled: Services) -> None:
    file = filled.settings.data_folder / "encryption.keys"
    run("keys", "list")
    file.unlink()
    for words in (("keys", "list"), ("db", "check"), ("users", "list"), ("serve",), ("worker",)):
        assert "is missing" in run(*words, code=1)
        assert not file.exists()


@pytest.mark.parametrize("command", [("db", "upgrade"), ("serve",), ("demo",)])
def test_an_upgrade_without_its_keys_makes_none_and_changes_nothing(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_folder=tmp_path / "data")
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(settings.data_folder))
    with closing(Database(settings)) as database:
        upgrade(database.engine, "0031")
        check_keys(database)
        database.keys.path.unlink()
        said = run(*command, code=1)
        assert said.startswith("Error: The key ") and "is missing" in said
        assert not database.keys.path.exists()
        assert copies(settings) == []
        with database.engine.connect() as connection:
            assert schema_of(connection) == "0031"


@pytest.mark.parametrize("loss", ["missing", "empty", "another"])
def test_a_lost_secret_key_is_said_until_it_is_back_or_another_is_accepted(
    loss: str, either_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = either_services.settings
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(settings.data_folder))
    monkeypatch.setenv("LUNGWISE_DATABASE_URL", settings.database_url)
    user = either_services.user("Ada", "Hill", Role.DOCTOR)
    user.tf_totp_secret, user.tf_primary_method, session = "encrypted with it", "authenticator", user.fs_uniquifier
    either_services.session.commit()
    run("users", "list")
    file = settings.data_folder / "secret.key"
    own = file.read_text()
    file.unlink()
    if loss != "missing":
        file.write_text("" if loss == "empty" else "another machine's")
    for words in (("users", "list"), ("db", "check"), ("serve",), ("worker",), ("deidentify", ".", "out")):
        assert "lungwise keys accept-secret" in run(*words, code=1), words
    assert file.exists() == (loss != "missing")
    file.write_text(own)
    run("users", "list")
    for answer in (["--yes"], []):  # the key is there: nothing is asked, and nothing is taken away
        assert f"{file} is this installation's own: there is nothing to accept." in run(
            "keys", "accept-secret", *answer
        )
    either_services.session.expire_all()
    assert user.tf_totp_secret and user.fs_uniquifier == session
    either_services.session.rollback()
    file.write_text("another machine's") if loss == "another" else file.unlink()
    assert "1 accounts lost their second factor" in run("keys", "accept-secret", "--yes")
    run("users", "list")
    assert len(file.read_text()) > 10
    either_services.session.expire_all()
    kept = either_services.accounts.by_email(user.email)
    assert kept is not None
    assert (kept.tf_totp_secret or kept.tf_primary_method) is None
    assert kept.fs_uniquifier != session


def test_a_lost_secret_key_is_accepted_while_a_clinic_is_closed(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = services.settings
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(settings.data_folder))
    user = services.user("Ada", "Hill", Role.DOCTOR)
    user.tf_totp_secret, user.tf_primary_method = "encrypted with it", "authenticator"
    close_clinic(services.session, user.clinic_id, "now")
    services.session.commit()
    run("users", "list")
    (settings.data_folder / "secret.key").unlink()
    assert "1 accounts lost their second factor" in run("keys", "accept-secret", "--yes")
    run("clinics", "reopen", "Hill", "--yes")


def test_a_new_installation_makes_its_secret_key_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(tmp_path / "data"))
    run("db", "upgrade")
    assert not (tmp_path / "data" / "secret.key").exists()
    run("users", "list")
    (tmp_path / "data" / "secret.key").unlink()
    run("users", "list")  # nobody has lost anything


def test_where_keys_come_from_the_setting_a_new_one_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("LUNGWISE_ENCRYPTION_KEYS", new_key_text())
    run("db", "upgrade")
    result = CliRunner().invoke(main, ["keys", "new"])
    assert len(key_bytes(result.stdout.strip())) == 32
    assert "LUNGWISE_ENCRYPTION_KEYS" in result.stderr
    assert [path.name for path in (tmp_path / "data").iterdir() if path.suffix == ".keys"] == []


def test_a_film_from_before_there_were_keys_is_encrypted_by_the_upgrade(
    services: Services, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(services.settings.data_folder))
    study = services.studies.open(
        services.person("Ada", role=Role.DOCTOR), PatientFacts(identifier="7"), [("a", film(1))]
    )
    save_fact(services.session, "plain films", "read")
    services.session.commit()
    path = services.settings.films_folder / study.key[:2] / study.key / study.films[0].sha256
    path.write_bytes(film(1))
    assert "lungwise db upgrade" in run("db", "check")
    assert json.loads(run("keys", "list", "--json"))["left"]["films"] == 1
    run("db", "upgrade")
    assert b"JFIF" not in path.read_bytes()
    checked = run("db", "check")
    assert "1 films" in checked
    assert "upgrade" not in checked
    path.write_bytes(film(1))
    assert "missing or damaged" in run("db", "check", code=1)


def test_a_check_names_patient_data_that_was_moved(filled: Services) -> None:
    filled.session.execute(text("UPDATE opinions SET note = (SELECT name FROM patients LIMIT 1)"))
    filled.session.commit()
    said = run("db", "check", code=1)
    assert said.count("opinions.note") == 3
    assert "was changed" in said


def test_a_bucket_or_a_broker_without_its_library_or_a_wrong_address_is_a_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(tmp_path))
    monkeypatch.setenv("LUNGWISE_FILMS_URL", "/films")
    assert "films_url" in run("db", "check", code=1)
    monkeypatch.setenv("LUNGWISE_FILMS_URL", "s3://films")
    monkeypatch.setattr("lungwise.settings.checks.find_spec", lambda _name: None)
    assert "locks/s3.txt" in run("db", "check", code=1)
    monkeypatch.delenv("LUNGWISE_FILMS_URL")
    monkeypatch.setenv("LUNGWISE_BROKER_URL", "redis://broker.example.org/0")
    said = run("db", "check", code=1)
    assert "broker_url: It needs celery, which is not installed." in said and "locks/celery.txt" in said
    assert "database_url" not in said
