"""Clinics that are closed for writing, because they move to another installation: what may still be done in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy.orm import Session

from lungwise.audit.actions import Action, Subject
from lungwise.errors import ClinicClosed
from lungwise.films.refusals import N_
from lungwise.store.facts import delete_fact, known_facts, locked_fact, read_fact, save_fact

CLOSED: Final = N_(
    "This clinic is moving to another installation: everything can be read here, and nothing entered or changed."
)
"""What pages and answers say of it."""
_ALLOWED = frozenset(
    {
        *(Action.SAW, Action.SEARCHED, Action.EXPORTED, Action.SENT, Action.WITHDREW, Action.USED_TOKEN),
        *(Action.SIGNED_IN, Action.SIGNED_IN_WITH_A_NEW_DEVICE, Action.SIGNED_OUT, Action.FAILED_TO_SIGN_IN),
        *(Action.ENDED_SESSION, Action.ENDED_OTHER_SESSIONS, Action.TRIED_WHILE_LOCKED, Action.USED_A_CODE_TWICE),
        *(Action.CHANGED_SECOND_FACTOR, Action.MADE_RECOVERY_CODES, Action.RESET_SECOND_FACTOR, Action.REVOKED_TOKEN),
        *(Action.FAILED_TO_CONFIRM_PASSWORD, Action.REJECTED_ASSOCIATION, Action.WENT_BACK),
        *(Action.CLOSED, Action.REOPENED, Action.MOVED_AWAY, Action.MOVED_HERE, Action.REMOVED),
    }
)
"""What is only read, is about signing in, or is the move itself. Whatever is not named here or below is refused.

Who loses a second factor, as everyone does with the secret key, must set one up again to read.
"""
_ALLOWED_OF_ACCOUNTS = frozenset(
    {
        *(Action.DISABLED, Action.ENABLED, Action.DELETED, Action.CHANGED_ROLE, Action.UNLINKED_SIGN_IN),
        *(Action.CHANGED_PASSWORD, Action.RESET_PASSWORD, Action.MADE_RECOVERY_LINK, Action.WAS_REGISTERED_AGAIN),
    }
)
"""What may be done to accounts that exist: somebody who is dismissed is shut out, and who forgot a password reads.

A package that is written already keeps these accounts as they were.
"""


def is_closed(session: Session, clinic_id: int) -> bool:
    """Return whether a clinic is closed for writing."""
    return bool(clinic_id and read_fact(session, _name(clinic_id)))


def closed_among(session: Session, clinic_ids: Iterable[int]) -> set[int]:
    """Return which of these clinics are closed for writing."""
    names = {_name(clinic_id): clinic_id for clinic_id in clinic_ids}
    return {names[name] for name in known_facts(session, names)}


def close_clinic(session: Session, clinic_id: int, at: str) -> None:
    """Close a clinic for writing.

    One that is removed stays closed for whoever still acts for it; its number is not used again.
    """
    save_fact(session, _name(clinic_id), at)


def open_clinic(session: Session, clinic_id: int) -> None:
    """Open a clinic again."""
    delete_fact(session, _name(clinic_id))


def require_open(session: Session, clinic_id: int | None, action: Action, subject: Subject) -> None:
    """Require that an action may be done in a clinic. The trail is locked, so that no action passes while it closes.

    Raises
    ------
    ClinicClosed
        If the clinic is closed for writing, and the action writes.
    """
    if not clinic_id or _is_allowed(action, subject):
        return
    if locked_fact(session, _name(clinic_id)):
        raise ClinicClosed(CLOSED)


def _is_allowed(action: Action, subject: Subject) -> bool:
    if subject is Subject.ACCOUNT and action in _ALLOWED_OF_ACCOUNTS:
        return True
    if subject is Subject.INVITATION and action is Action.TOOK_INVITATION_BACK:
        return True
    return action in _ALLOWED or subject is Subject.MODEL


def _name(clinic_id: int) -> str:
    return f"clinic {clinic_id} closed"
