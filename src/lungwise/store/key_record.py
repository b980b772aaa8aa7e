"""Which keys a database is sealed with, so that none is opened, or written to, with others."""

from __future__ import annotations

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lungwise.store.database import Base, Database
from lungwise.store.encryption import keys_of
from lungwise.store.facts import sign_facts_anew
from lungwise.store.keys import SealError


class KeyRecord(Base):
    """The name of a key that something may be sealed with."""

    __tablename__ = "sealing_keys"

    name: Mapped[str] = mapped_column(String(8), primary_key=True)


def check_keys(database: Database) -> None:
    """Note the sealing key in the database; every process begins with this.

    Two machines that each made keys of their own would otherwise seal one database so that neither can read it.

    Raises
    ------
    SealError
        If the database is sealed with a key that is not here.
    """
    with database.reading() as session:
        noted = require_keys(session)
    sealing = database.keys.names[0]
    if sealing not in noted:
        with database.writing() as session:
            require_keys(session)
            session.merge(KeyRecord(name=sealing))


def require_keys(session: Session) -> set[str]:
    """Give the names of the keys that the database is sealed with.

    Raises
    ------
    SealError
        If one of them is not here.
    """
    keys = keys_of(session)
    noted = set(session.scalars(select(KeyRecord.name)))
    known = set(keys.names) if keys.are_here or not noted else set()  # a lost file is not made anew
    for name in sorted(noted - known):
        raise SealError(keys.lack(name))
    return noted


def forget_old_keys(session: Session) -> None:
    """Note that all is sealed with the first key."""
    sign_facts_anew(session)
    session.execute(delete(KeyRecord).where(KeyRecord.name != keys_of(session).names[0]))
