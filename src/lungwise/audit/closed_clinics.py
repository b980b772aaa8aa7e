"""Clinics that are closed for writing, because they move to another installation: what may still be done in them."""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session

from lungwise.audit.actions import Action, Subject
from lungwise.errors import ClinicClosed
from lungwise.films.refusals import N_
from lungwise.store.facts import delete_fact, locked_fact, read_fact, save_fact

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
"""What is only read, is about signing in, or is the move itself. Whatever is not named here is refused.

Who loses a second factor, as everyone does with the secret key, must set one up again to read.
"""


def is_closed(session: Session, clinic_id: int) -> bool:
    """Return whether a clinic is closed for writing."""
    return bool(clinic_id and read_fact(session, _name(clinic_id)))


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
    if not clinic_id or action in _ALLOWED or subject is Subject.MODEL:
        return
    if locked_fact(session, _name(clinic_id)):
        raise ClinicClosed(CLOSED)


def _name(clinic_id: int) -> str:
    return f"clinic {clinic_id} closed"
