"""Invitations: places in a clinic that are kept for an address until they are used, taken back or too old."""

from __future__ import annotations

from datetime import timedelta

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right, Role
from lungwise.accounts.email_addresses import valid_email
from lungwise.accounts.models import Invitation, User
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound, Rejected
from lungwise.films.refusals import N_
from lungwise.settings import Settings
from lungwise.store import Clock, new_key
from lungwise.store.secret_key import signing_key

INVITATION_DAYS = 7
HAS_ACCOUNT = N_(
    "The e-mail address of this invitation already has an account, perhaps in another clinic. Sign in "
    "with that account, or ask for an invitation to another address."
)


class Invitations:
    """The open invitations of every clinic."""

    def __init__(self, session: Session, clock: Clock, settings: Settings, audit: AuditTrail) -> None:
        self._session = session
        self._clock = clock
        self._audit = audit
        self._signing = URLSafeSerializer(signing_key(settings), salt="invitation of a clinic")

    def add(self, by: Person, email: str, role: Role) -> str:
        """Invite somebody, and give the invitation's token. An earlier one to the same address ends.

        Raises
        ------
        Rejected
            If the address has an account in the clinic already.
        """
        by.need(Right.ADMINISTER)
        address, now = valid_email(email), self._clock()
        if self._session.scalar(select(User.id).where(User.email == address, User.clinic_id == by.clinic_id)):
            raise Rejected("This e-mail address already has an account.")
        self._clear(by.clinic_id, address)
        invitation = Invitation(
            key=new_key(),
            clinic_id=by.clinic_id,
            email=address,
            role=role.value,
            created_at=now,
            expires_at=now + timedelta(days=INVITATION_DAYS),
        )
        self._session.add(invitation)
        self._session.flush()
        self._audit.record(by, Action.INVITED, Subject.INVITATION, invitation.key)
        return str(self._signing.dumps(invitation.key))

    def open(self, person: Person) -> list[Invitation]:
        """List the invitations of an administrator's clinic that can still be used, the newest first."""
        person.need(Right.ADMINISTER)
        own = select(Invitation).where(Invitation.clinic_id == person.clinic_id, Invitation.expires_at > self._clock())
        return list(self._session.scalars(own.order_by(Invitation.id.desc())))

    def take_back(self, by: Person, key: str) -> None:
        """End an invitation of the administrator's own clinic."""
        by.need(Right.ADMINISTER)
        own = select(Invitation).where(Invitation.key == key, Invitation.clinic_id == by.clinic_id)
        invitation = self._session.scalar(own.with_for_update())
        if invitation is None:
            raise NotFound
        self._session.delete(invitation)
        self._audit.record(by, Action.TOOK_INVITATION_BACK, Subject.INVITATION, key)

    def find(self, token: str, *, lock: bool = False) -> Invitation:
        """Find a token's invitation; lock it where it is to be used, for it is used once.

        Raises
        ------
        Rejected
            If it is not ours, too old, used, or taken back, or the address has an account meanwhile.
        """
        found = self._found(token, lock)
        if found is None:
            raise Rejected("This invitation is no longer valid. Ask for a new one.")
        if self._session.scalar(select(User.id).where(User.email == found.email)):
            raise Rejected(HAS_ACCOUNT)
        return found

    def use(self, invitation: Invitation) -> None:
        """End an invitation whose account is open now."""
        self._session.delete(invitation)

    def _found(self, token: str, lock: bool) -> Invitation | None:
        try:
            key = str(self._signing.loads(token))
        except BadData:
            return None
        valid = select(Invitation).where(Invitation.key == key, Invitation.expires_at > self._clock())
        return self._session.scalar(valid.with_for_update() if lock else valid)

    def _clear(self, clinic_id: int, email: str) -> None:
        """Delete earlier invitations to an address, and all that are too old."""
        self._session.execute(delete(Invitation).where(Invitation.clinic_id == clinic_id, Invitation.email == email))
        self._session.execute(delete(Invitation).where(Invitation.expires_at <= self._clock()))
