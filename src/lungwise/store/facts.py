"""What holds for a whole installation, signed by its keys: who writes to the database alone cannot make it up."""

from __future__ import annotations

from sqlalchemy import String, select
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


def fact(session: Session, name: str) -> str:
    """Give the value of a fact; empty where it is not known, or not signed by one of the keys."""
    found = session.get(Fact, name)
    if found is None or not keys_of(session).is_signed(found.signature, _PURPOSE, f"{name}\0{found.value}"):
        return ""
    return found.value


def note_fact(session: Session, name: str, value: str) -> None:
    """Note a fact, in place of what was noted under its name."""
    signature = keys_of(session).sign(_PURPOSE, f"{name}\0{value}")
    session.merge(Fact(name=name, value=value, signature=signature))


def forget_fact(session: Session, name: str) -> None:
    """Forget a fact."""
    found = session.get(Fact, name)
    if found is not None:
        session.delete(found)


def sign_facts_anew(session: Session) -> None:
    """Sign what is noted with the first key, before the others are forgotten."""
    for name in session.scalars(select(Fact.name)).all():
        value = fact(session, name)
        if value:
            note_fact(session, name, value)
