"""Facts about a whole installation, signed with its keys: writing to the database is not enough to forge one."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lungwise.store.database import Base
from lungwise.store.encryption import keys_of

_PURPOSE = "facts"


class Fact(Base):
    """One fact."""

    __tablename__ = "facts"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(100))
    signature: Mapped[str] = mapped_column(String(72))


def read_fact(session: Session, name: str) -> str:
    """Return the value of a fact; empty if it is unknown, or not signed with one of the keys."""
    return _value(session, session.get(Fact, name))


def known_facts(session: Session, names: Collection[str]) -> set[str]:
    """Return which of these facts are known, and signed with one of the keys."""
    found = session.scalars(select(Fact).where(Fact.name.in_(names)))
    return {fact.name for fact in found if _value(session, fact)}


def locked_fact(session: Session, name: str) -> str:
    """Return the value of a fact, which no other transaction changes until this one ends, where it is known."""
    return _value(session, session.get(Fact, name, with_for_update=True, populate_existing=True))


def _value(session: Session, fact: Fact | None) -> str:
    if fact is None or not keys_of(session).is_signed(fact.signature, _PURPOSE, f"{fact.name}\0{fact.value}"):
        return ""
    return fact.value


def save_fact(session: Session, name: str, value: str) -> None:
    """Save a fact under its name."""
    signature = keys_of(session).sign(_PURPOSE, f"{name}\0{value}")
    session.merge(Fact(name=name, value=value, signature=signature))


def delete_fact(session: Session, name: str) -> None:
    """Delete a fact."""
    session.execute(delete(Fact).where(Fact.name == name))


def sign_facts_again(session: Session) -> None:
    """Sign the facts with the first key, before the others are forgotten."""
    for name in session.scalars(select(Fact.name)).all():
        value = read_fact(session, name)
        if value:
            save_fact(session, name, value)
