"""Which keys a database is encrypted with, so that it is never read or written with others."""

from __future__ import annotations

from sqlalchemy import String, delete, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lungwise.store.database import Base, Database
from lungwise.store.encryption import keys_of
from lungwise.store.facts import sign_facts_again
from lungwise.store.keys import EncryptionError


class KeyRecord(Base):
    """The name of a key that something may be encrypted with."""

    __tablename__ = "sealing_keys"

    name: Mapped[str] = mapped_column(String(8), primary_key=True)


def check_keys(database: Database) -> None:
    """Record the first key in the database; every process begins with this.

    Otherwise two machines that each made keys of their own would encrypt one database so that neither can read it.

    Raises
    ------
    EncryptionError
        If the database is encrypted with a key that is missing.
    """
    recorded = prepare_keys(database)
    first = database.keys.names[0]
    if first not in recorded:
        database.transact(lambda session: _record(session, first))


def prepare_keys(database: Database) -> set[str]:
    """Return the names of the recorded keys; where there are none, nothing is encrypted yet, and a key is made.

    This is the only place that makes one. An upgrade begins with it: its copy is signed, and its steps encrypt.

    Raises
    ------
    EncryptionError
        If the database is encrypted with a key that is missing.
    """
    with database.reading() as session:
        is_new = not inspect(session.connection()).has_table(KeyRecord.__tablename__)
        recorded = set() if is_new else require_keys(session)
    if not recorded:
        database.keys.make()
    return recorded


def _record(session: Session, name: str) -> None:
    require_keys(session)
    session.merge(KeyRecord(name=name))


def require_keys(session: Session) -> set[str]:
    """Return the names of the keys that the database is encrypted with.

    Raises
    ------
    EncryptionError
        If one of them is missing.
    """
    keys = keys_of(session)
    recorded = set(session.scalars(select(KeyRecord.name)))
    present = set(keys.names) if keys.exist else set()
    for name in sorted(recorded - present):
        raise EncryptionError(keys.missing_message(name))
    return recorded


def forget_old_keys(session: Session) -> None:
    """Record that everything is encrypted with the first key."""
    sign_facts_again(session)
    session.execute(delete(KeyRecord).where(KeyRecord.name != keys_of(session).names[0]))
