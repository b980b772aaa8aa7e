from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import click
import pytest
from sqlalchemy import create_engine

from lungwise.cli.start_errors import listening, said_in_a_sentence
from lungwise.settings import Settings
from lungwise.settings.destinations import Destinations
from lungwise.store import Database


def said(settings: Settings, error: Exception) -> str:
    with pytest.raises(click.ClickException) as told, said_in_a_sentence(settings):
        raise error
    return told.value.message


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "may not write in"),
        (errno.EROFS, "may not write in"),
        (errno.ENOSPC, "disk of"),
        (errno.EEXIST, "is a file, not a folder"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_what_is_wrong_with_the_folder_is_said(number: int, sentence: str, tmp_path: Path) -> None:
    told = said(Settings(data_folder=tmp_path), OSError(number, os.strerror(number), str(tmp_path)))
    assert sentence in told and str(tmp_path) in told


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret.key").touch()
    told = said(Settings(), PermissionError(errno.EACCES, "denied", str(tmp_path / "secret.key")))
    assert f"may not read {tmp_path / 'secret.key'}" in told


def test_a_driver_that_is_not_there_is_a_wrong_database_url() -> None:
    settings = Settings(database_url="mysql+nosuchdriver://host/name")
    missing = Settings(database_url="mysql+mysqldb://host/name")  # a dialect whose driver nothing of ours brings
    for one in (settings, missing):
        with pytest.raises(click.ClickException, match="database_url"), said_in_a_sentence(one):
            Database(one)


def test_another_module_that_is_not_there_says_nothing_of_the_database() -> None:
    with pytest.raises(ModuleNotFoundError), said_in_a_sentence(Settings()):
        raise ModuleNotFoundError(name="celery")


def test_a_file_of_a_setting_is_said_with_the_setting(tmp_path: Path) -> None:
    absent = tmp_path / "absent.pem"
    settings = Settings(data_folder=tmp_path, database_url="mysql+pymysql://host/name", database_tls_ca=absent)
    with pytest.raises(click.ClickException) as told, said_in_a_sentence(settings):
        Database(settings)
    assert told.value.message == f"A setting is wrong. database_tls_ca: {absent}: {os.strerror(errno.ENOENT)}."


def test_a_file_of_a_clinic_s_destination_is_said_with_the_clinic(tmp_path: Path) -> None:
    own = Destinations(fhir_url="https://example.org/fhir", report_tls_ca=tmp_path / "ca.pem")
    settings = Settings(clinic_destinations={"Hill": own})
    told = said(settings, FileNotFoundError(errno.ENOENT, "gone", str(tmp_path / "ca.pem")))
    assert "clinic_destinations.Hill.report_tls_ca: " in told


def test_an_error_without_a_file_blames_no_folder(tmp_path: Path) -> None:
    assert str(tmp_path) not in said(Settings(data_folder=tmp_path), OSError(errno.ECONNRESET, "reset"))


def test_where_nothing_can_listen_the_address_and_the_settings_are_said() -> None:
    with (
        pytest.raises(click.ClickException, match=r"at no\.invalid:1: .* Check the settings a and b\."),
        listening("no.invalid", 1, "the settings a and b"),
        socket.create_server(("no.invalid", 1)),
    ):
        pass


@pytest.mark.parametrize("url", ["nonsense", "postgres://host/name", "mysql+nodriver://host/name"])
def test_a_database_url_that_means_nothing_is_said_without_its_words(url: str) -> None:
    with pytest.raises(click.ClickException) as told, said_in_a_sentence(Settings(database_url=url)):
        create_engine(url)
    assert "database_url" in told.value.message
    assert url not in told.value.message


@pytest.mark.parametrize("error", [BrokenPipeError(errno.EPIPE, "broken"), ZeroDivisionError()])
def test_what_nobody_can_mend_is_left_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)), said_in_a_sentence(Settings()):
        raise error
