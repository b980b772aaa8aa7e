from __future__ import annotations

import errno
import os
from pathlib import Path

import click
import pytest
from sqlalchemy import create_engine

from lungwise.cli.start_errors import said_in_a_sentence
from lungwise.settings import Settings


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
