"""Films from before there were keys: read until an upgrade has encrypted them all, and refused afterwards."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy.orm import Session

from lungwise.settings import Settings
from lungwise.store.database import Database
from lungwise.store.facts import delete_fact, read_fact

_NAME, _READ = "plain films", "read"


def are_read(session: Session) -> bool:
    """Return whether plain films are still read."""
    return read_fact(session, _NAME) == _READ


def are_read_in(settings: Settings) -> bool:
    """Return whether an installation still reads plain films. A store asks when it meets one, which is rare."""
    with closing(Database(settings)) as database, database.reading() as session:
        return are_read(session)


def refuse(session: Session) -> None:
    """Stop reading plain films."""
    delete_fact(session, _NAME)
