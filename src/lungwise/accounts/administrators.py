"""The administrators of clinics, for what takes two of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.accounts.models import User
from lungwise.audit.actions import Action
from lungwise.audit.service import AuditEntry, AuditTrail

_MAKES_OR_OPENS: Final[Collection[Action]] = (
    *(Action.REGISTERED, Action.APPROVED, Action.ENABLED, Action.CHANGED_ROLE),
    *(Action.MADE_RECOVERY_LINK, Action.RESET_PASSWORD, Action.RESET_SECOND_FACTOR),
)
"""What makes an account an administrator's, or lets somebody else than its owner sign in to it."""


class Administrators:
    """The administrators of every clinic."""

    def __init__(self, session: Session, audit: AuditTrail) -> None:
        self._session = session
        self._audit = audit

    def count(self, clinic_id: int) -> int:
        """Count the administrators of a clinic who can sign in."""
        own = (User.clinic_id == clinic_id, User.role == Role.ADMINISTRATOR, User.active)
        return self._session.scalar(select(func.count()).select_from(User).where(*own)) or 0

    def last_made(self, person: Person) -> AuditEntry | None:
        """Return the entry of when an account was last made an administrator's, or recovered."""
        key = self._session.scalar(select(User.key).where(User.id == person.id))
        return self._audit.last(person.clinic_id, key, _MAKES_OR_OPENS) if key else None
