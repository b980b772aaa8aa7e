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


@contextmanager
def said_in_a_sentence(settings: Settings) -> Iterator[None]:
    """Turn what somebody who starts Lungwise can mend into one sentence."""
    try:
        yield
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        sentence = _of_database(error, settings)
        if sentence is None:
            raise
        raise click.ClickException(sentence) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # click ends quietly where nobody reads on
            raise
        raise click.ClickException(_of_files(error, settings.data_folder)) from error


def _of_database(error: SQLAlchemyError | ModuleNotFoundError, settings: Settings) -> str | None:
    if isinstance(error, ArgumentError | ModuleNotFoundError):  # no such dialect, or no driver for it
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
    place = Path(error.filename) if isinstance(error.filename, str | Path) else folder
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{place} is a file, not a folder. Set another folder with LUNGWISE_DATA_FOLDER."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (_FILE_RIGHTS if place.is_file() else _RIGHTS) % place
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _OF_SQLITE[Fault.FULL] % folder
    return f"{place}: {error.strerror or error}."
