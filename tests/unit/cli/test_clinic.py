"""The commands over an installation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from lungwise.cli import bootstrap, main

if TYPE_CHECKING:
    from conftest import SyntheticReader

PASSWORD = "three green kites fly"
ADA = ["users", "add", "ada@example.org", "--name", "Ada", "--clinic", "Hill", "--password", PASSWORD]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Run]:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("LUNGWISE_ARGON2_TIME", "1")
    monkeypatch.setenv("LUNGWISE_ARGON2_MEMORY", "64")
    return Run


class Run:
    """One command's run."""

    def __init__(self, *words: str) -> None:
        self.result: Result = CliRunner().invoke(main, words)
        self.output = self.result.output

    def ok(self) -> str:
        assert self.result.exit_code == 0, self.output
        return self.output

    def no(self) -> str:
        assert self.result.exit_code == 1, self.output
        return self.output


def test_without_a_schema_a_command_says_what_to_do(run: type[Run]) -> None:
    assert "lungwise db upgrade" in run("users", "list").no()


def test_accounts_are_added_listed_and_disabled(run: type[Run]) -> None:
    run("db", "upgrade").ok()
    run(*ADA).ok()
    assert "has an account already" in run(*ADA).no()
    assert "too short" in run(*ADA[:2], "bob@example.org", *ADA[3:-1], "short").no()
    assert json.loads(run("users", "list", "--json").ok())["state"] == "active"
    run("users", "disable", "ada@example.org").ok()
    assert "disabled" in run("users", "list").ok()
    assert "no account" in run("users", "disable", "eve@example.org").no()


def test_tokens_are_made_once_listed_and_revoked(run: type[Run]) -> None:
    run("db", "upgrade").ok()
    run(*ADA).ok()
    text = run("tokens", "add", "ada@example.org", "--name", "script", "--scope", "upload").ok().strip()
    assert text.startswith("lw_")
    listed = run("tokens", "list", "--json").ok()
    assert text not in listed
    row = json.loads(listed)
    assert (row["scopes"], row["used"], row["state"]) == ("see upload", "never", "valid")
    run("tokens", "revoke", row["key"]).ok()
    assert "revoked" in run("tokens", "list").ok()
    assert "no token" in run("tokens", "revoke", "nothing").no()
    assert "no account" in run("tokens", "add", "eve@example.org", "--name", "script").no()
    assert "administrator" in run("tokens", "add", "ada@example.org", "--name", "x", "--machine").no()


def test_the_audit_trail_is_verified(run: type[Run], tmp_path: Path) -> None:
    run("db", "upgrade").ok()
    run(*ADA).ok()
    assert "1 entries" in run("audit", "verify").ok()
    engine = create_engine(f"sqlite:///{tmp_path}/data/lungwise.sqlite")
    with engine.begin() as connection:
        connection.execute(text("UPDATE audit_entries SET person_name = 'Eve'"))
    engine.dispose()
    assert "breaks at entry 1" in run("audit", "verify").no()


def test_a_demonstration_is_drawn_read_backed_up_and_restored(
    run: type[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synthetic_reader: type[SyntheticReader]
) -> None:
    monkeypatch.setattr(bootstrap, "make_reader", synthetic_reader)
    assert "demo@example.org" in run("demo", "--studies", "3").ok()
    assert "in use" in run("demo").no()
    assert "3 films" in run("db", "check").ok()
    assert "3 films" in run("db", "backup", str(tmp_path / "backup.tar")).ok()
    assert "not empty" in run("db", "restore", str(tmp_path / "backup.tar")).no()
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(tmp_path / "new"))
    assert "encryption.keys" in run("db", "restore", str(tmp_path / "backup.tar")).no()
    shutil.copy(tmp_path / "data" / "encryption.keys", tmp_path / "new" / "encryption.keys")
    without_secret = run("db", "restore", str(tmp_path / "backup.tar")).no()
    assert "3 films are restored" in without_secret and "secret.key is missing" in without_secret
    shutil.copy(tmp_path / "data" / "secret.key", tmp_path / "new" / "secret.key")
    assert "3 films" in run("db", "check").ok()
    run("audit", "verify").ok()


def test_in_a_demonstration_a_patient_comes_again_as_the_same(
    run: type[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synthetic_reader: type[SyntheticReader]
) -> None:
    monkeypatch.setattr(bootstrap, "make_reader", synthetic_reader)
    run("demo", "--studies", "9").ok()
    engine = create_engine(f"sqlite:///{tmp_path}/data/lungwise.sqlite")
    with engine.begin() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM patients")).scalar() == 8
    engine.dispose()


def test_a_wrong_setting_is_named(run: type[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNGWISE_PORT", "nine")
    assert "port" in run("users", "list").no()


def test_settings_come_from_a_file_unless_the_environment_has_them(
    run: type[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.toml").write_text("port = 8123\nthreads = 3\n")
    monkeypatch.setenv("LUNGWISE_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("LUNGWISE_THREADS", "5")
    settings = bootstrap.read_settings()
    assert (settings.port, settings.threads) == (8123, 5)
