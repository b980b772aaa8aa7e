"""The names of a clinic's accounts. No two are alike: opinions, reports and the worklist know people by them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.accounts.models import User
from lungwise.clinics.service import Clinic
from lungwise.inputs import LINE, folded_name


def is_taken(session: Session, clinic_id: int, name: str, *, but: User | None = None) -> bool:
    """Return whether another account than `but` has a name, or one that differs in case, spaces or width alone.

    Until the transaction ends nobody else of the clinic can take it.
    """
    session.get(Clinic, clinic_id, with_for_update=True, populate_existing=True)
    others = select(User.name).where(User.clinic_id == clinic_id, User.deleted_at.is_(None))
    if but is not None:
        others = others.where(User.id != but.id)
    return folded_name(name) in map(folded_name, session.scalars(others))


def name_of_new(session: Session, clinic_id: int, name: str, email: str) -> str:
    """Return the name that a new account gets: with its e-mail address, where another has the name already.

    Two people may bear one name, and nobody who opens an account learns whether somebody has theirs.
    """
    if not is_taken(session, clinic_id, name):
        return name
    beside = f" ({email})"
    return (name[: max(0, LINE - len(beside))] + beside)[:LINE]
