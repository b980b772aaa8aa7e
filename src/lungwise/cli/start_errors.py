"""What keeps Lungwise from starting, each in one sentence for whoever starts it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from lungwise.settings import Settings
from lungwise.store import answer_of, fault_of
from lungwise.store.faults import Fault

_RIGHTS = (
    "Lungwise may not write in %s. Give the account that runs Lungwise the right to, or set another folder with "
    "LUNGWISE_DATA_FOLDER."
)
_FILE_RIGHTS = "Lungwise may not read %s. Give the account that runs Lungwise the right to."
_URL = (
    "The setting database_url is not one that Lungwise understands. Write it as "
    "mysql+pymysql://user:password@host/name, or leave it empty for SQLite."
)
_OF_SQLITE = {
    Fault.UNREACHABLE: _RIGHTS,
    Fault.READ_ONLY: _RIGHTS,
    Fault.REFUSED: _RIGHTS,
    Fault.BUSY: "Another program has locked the database in %s. End that program, then start again.",
    Fault.DAMAGED: (
        "The database in %s is damaged, or its disk is. Move it away, and put a backup back with: "
        "lungwise db restore FILE"
    ),
    Fault.FULL: "The disk of %s is full. Make room, then start again.",
}
"""What SQLite's errors mean to somebody at the command line; the value is the folder."""


_OF_FOLDER = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})
"""Errors without a file that the data folder explains."""


@contextmanager
def said_in_a_sentence(settings: Settings) -> Iterator[None]:
    """Turn what somebody who starts Lungwise can mend into one sentence."""
    try:
        yield
    except SQLAlchemyError as error:
        sentence = _of_database(error, settings)
        if sentence is None:
            raise
        raise click.ClickException(sentence) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # click ends quietly where nobody reads on
            raise
        sentence = _of_named_file(error, settings) or _of_files(error, settings.data_folder)
        raise click.ClickException(sentence) from error


@contextmanager
def named_files(settings: Settings) -> Iterator[None]:
    """Say of a file that cannot be used which setting names it, and leave every other error as it is."""
    try:
        yield
    except OSError as error:
        sentence = _of_named_file(error, settings)
        if not sentence:
            raise
        raise click.ClickException(sentence) from error


def _of_named_file(error: OSError, settings: Settings) -> str:
    """Say of a file that a setting names what is wrong with it; nothing of other files, and of the data folder."""
    named = settings.settings_with(error.filename) if isinstance(error.filename, str | Path) else []
    if not named or "data_folder" in named:
        return ""
    return f"A setting is wrong. {', '.join(named)}: {error.filename}: {error.strerror}."


@contextmanager
def listening(host: str, port: int, where: str) -> Iterator[None]:
    """Turn what keeps a command from listening into one sentence.

    Parameters
    ----------
    where
        What says host and port, as "the settings node_host and node_port".
    """
    try:
        yield
    except OSError as error:
        if error.filename or error.errno == errno.EPIPE:
            raise
        sentence = f"This command cannot listen at {host}:{port}: {error.strerror or error}. Check {where}."
        raise click.ClickException(sentence) from error


def _of_database(error: SQLAlchemyError, settings: Settings) -> str | None:
    if isinstance(error, ArgumentError):  # no such dialect, or no driver for it
        return _URL
    url = make_url(settings.database)
    known = _OF_SQLITE.get(fault_of(error)) if url.get_backend_name() == "sqlite" else None
    if known and url.database:
        return known % Path(url.database).parent
    why = answer_of(error)
    return None if why is None else f"{why}{_own_words(error)}"


def _own_words(error: SQLAlchemyError) -> str:
    """Return the database's own message, for its administrator."""
    return f" ({error.orig})" if isinstance(error, DBAPIError) else ""


def _of_files(error: OSError, folder: Path) -> str:
    if not isinstance(error.filename, str | Path) and error.errno not in _OF_FOLDER:
        return f"{error.strerror or error}."
    place = Path(error.filename or folder)
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{place} is a file, not a folder. Set another folder with LUNGWISE_DATA_FOLDER."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (_FILE_RIGHTS if place.is_file() else _RIGHTS) % place
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _OF_SQLITE[Fault.FULL] % folder
    return f"{place}: {error.strerror or error}."
