from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from lungwise.settings import Settings
from lungwise.store import Database
from lungwise.store.secret_key import (
    SecretKeyError,
    accept_secret_key,
    check_secret_key,
    secret_key_file,
    signing_key,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Services


@pytest.fixture
def database(services: Services) -> Iterator[Database]:
    """An installation with an account."""
    services.person()
    services.session.commit()
    check_secret_key(database := Database(services.settings), services.settings)
    yield database
    database.close()


def in_another_process(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("lungwise.store.secret_key._known", {})
    return settings


def test_a_key_is_made_once_and_kept_for_its_owner_alone(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    key = signing_key(settings)
    assert len(key) >= 64
    assert signing_key(in_another_process(settings, monkeypatch)) == key
    assert secret_key_file(settings).stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_set_leaves_no_file(tmp_path: Path) -> None:
    assert signing_key(Settings(data_folder=tmp_path, secret_key=SecretStr("set"))) == "set"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_of_a_killed_process_is_replaced(settings: Settings) -> None:
    secret_key_file(settings).touch()
    assert signing_key(settings) == secret_key_file(settings).read_text() != ""


def test_a_running_process_goes_on_with_its_key_when_the_file_disappears(settings: Settings) -> None:
    key = signing_key(settings)
    secret_key_file(settings).unlink()
    assert signing_key(settings) == key
    assert not secret_key_file(settings).exists()


def test_a_lost_key_is_reported_and_not_made_again(
    services: Services, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = in_another_process(services.settings, monkeypatch)
    secret_key_file(settings).unlink()
    with pytest.raises(SecretKeyError, match="is missing"):
        check_secret_key(database, settings)
    assert not secret_key_file(settings).exists()


def test_another_key_is_reported_until_it_is_accepted(services: Services, database: Database) -> None:
    secret_key_file(services.settings).write_text("another")
    with pytest.raises(SecretKeyError, match="not the one"):
        check_secret_key(database, services.settings)
    with database.writing() as session:
        accept_secret_key(session, services.settings)
    check_secret_key(database, services.settings)
