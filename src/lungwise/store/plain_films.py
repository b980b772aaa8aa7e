"""Films from before there were keys: read until an upgrade has encrypted them all, and refused ever after."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy.orm import Session

from lungwise.settings import Settings
from lungwise.store.database import Database
from lungwise.store.facts import fact, forget_fact

_NAME, _READ = "plain films", "read"


def are_read(session: Session) -> bool:
    """Say whether films that lie plain are read still."""
    return fact(session, _NAME) == _READ


def are_read_in(settings: Settings) -> bool:
    """Say whether an installation reads films that lie plain. A store asks when it meets one, which is rare."""
    with closing(Database(settings)) as database, database.reading() as session:
        return are_read(session)


def refuse(session: Session) -> None:
    """Read films that lie plain no more."""
    forget_fact(session, _NAME)
