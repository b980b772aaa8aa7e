"""The rules of accounts: who may open one, and what an administrator may do with it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right, Role
from lungwise.accounts.email_addresses import normalised_email, valid_email
from lungwise.accounts.invitations import HAS_ACCOUNT, Invitations
from lungwise.accounts.links import recovery_path
from lungwise.accounts.models import Token, User
from lungwise.accounts.names import is_taken, name_of_new
from lungwise.accounts.passwords import Passwords
from lungwise.accounts.sessions import Sessions
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.clinics.service import Clinic, Clinics
from lungwise.errors import NotFound, Rejected
from lungwise.settings import Registration, Settings
from lungwise.store import Clock, new_key

__all__ = ["Accounts", "Applicant", "Clinic", "User", "names_of"]


@dataclass(frozen=True, slots=True)
class Applicant:
    """What somebody says of themselves to open an account."""

    name: str
    email: str
    password: str


def names_of(session: Session, person: Person, ids: set[int]) -> dict[int, str]:
    """Name the accounts with these ids that are of the person's clinic."""
    query = select(User.id, User.name).where(User.id.in_(ids), User.clinic_id == person.clinic_id)
    return {number: name for number, name in session.execute(query)}


class Accounts:
    """The accounts of every clinic."""

    def __init__(self, session: Session, clock: Clock, settings: Settings, audit: AuditTrail) -> None:
        self._session = session
        self._clock = clock
        self._audit = audit
        self._passwords = Passwords(settings, clock)
        self._sessions = Sessions(session, clock, settings, audit)
        self._second_factor = {role: settings.second_factor for role in Role}
        self._second_factor[Role.ADMINISTRATOR] |= settings.administrator_second_factor
        self._settings = settings
        self._clinics = Clinics(session, clock, settings, audit)
        self.invitations = Invitations(session, clock, settings, audit)

    def is_empty(self) -> bool:
        """Return whether nobody has an account yet."""
        return self._session.scalar(select(User.id).limit(1)) is None

    def clinics(self) -> list[Clinic]:
        """List every clinic by name."""
        return self._clinics.all()

    def clinic(self, name: str) -> Clinic:
        """Return the clinic of that name, made where there is none."""
        return self._clinics.named(name)

    def by_email(self, email: str) -> User | None:
        """Find an account by its e-mail address, in whichever spelling."""
        return self._session.scalar(select(User).where(User.email == (normalised_email(email) or email)))

    def register(self, applicant: Applicant, clinic_id: int) -> User | None:
        """Open an account as the clinic allows; none where the address has one already.

        Raises
        ------
        Rejected
            If registration is by invitation only, or the password is weak.
        NotFound
            If the clinic does not exist.
        """
        policy = self._clinics.settings_of(clinic_id).registration
        if policy is Registration.INVITATION:
            raise Rejected("You need an invitation to create an account here. Ask your clinic's administrator.")
        if self._session.get(Clinic, clinic_id) is None:
            raise NotFound
        approved = policy is Registration.OPEN
        user = self._open(applicant, clinic_id, Role.DOCTOR, approved=approved)
        if user is None and (known := self.by_email(applicant.email)):
            self._audit.record(known.person, Action.WAS_REGISTERED_AGAIN, Subject.ACCOUNT, known.key)
        return user

    def accept(self, token: str, name: str, password: str) -> User:
        """Open the invited account, once.

        Raises
        ------
        Rejected
            If the invitation is not valid any more, its address has an account, or the password is weak.
        """
        invited = self.invitations.find(token, lock=True)
        applicant = Applicant(name, invited.email, password)
        user = self._open(applicant, invited.clinic_id, Role(invited.role), approved=True)
        if user is None:
            raise Rejected(HAS_ACCOUNT)
        self.invitations.use(invited)
        return user

    def add(self, applicant: Applicant, clinic: str, role: Role) -> User:
        """Open an account from the command line or at the first start.

        Raises
        ------
        Rejected
            If the address has an account already, a name is blank, the clinic's is almost that of another, or the
            password is weak.
        """
        user = self._open(applicant, self.clinic(clinic).id, role, approved=True)
        if user is None:
            raise Rejected("This e-mail address already has an account.")
        return user

    def open_without_password(self, name: str, email: str, clinic_id: int, role: Role) -> User:
        """Open an account for somebody whom the identity provider vouches for, under a normalised address."""
        return self._insert(name, email, "", clinic_id, role, approved=True)

    def takes_password(self, user: User) -> bool:
        """Return whether an account may sign in with a password: not if the identity provider vouches for it.

        Where the provider is no longer in the settings, or these allow both, a password opens every account.
        """
        issuer = self._settings.oidc_issuer
        provided = bool(issuer) and any(one.issuer == issuer for one in user.identities)
        return self._settings.oidc_passwords or not provided

    def check_password(self, password: str, *known: str) -> None:
        """Check a new password; see `Passwords.check`."""
        self._passwords.check(password, *known)

    def colleagues(self, person: Person) -> list[User]:
        """List the accounts of an administrator's clinic, those waiting first."""
        person.need(Right.ADMINISTER)
        own = select(User).where(User.clinic_id == person.clinic_id, User.deleted_at.is_(None))
        return list(self._session.scalars(own.order_by(User.approved_at.isnot(None), User.name, User.id)))

    def ever(self, person: Person) -> list[User]:
        """List every account that an administrator's clinic has or had: deleted ones have a key still."""
        person.need(Right.ADMINISTER)
        own = select(User).where(User.clinic_id == person.clinic_id)
        return list(self._session.scalars(own.order_by(User.deleted_at.isnot(None), User.email)))

    def administrators(self, person: Person) -> list[User]:
        """List the administrators of an administrator's clinic whose accounts are open."""
        is_open = [User.active, User.approved_at.is_not(None), User.deleted_at.is_(None)]
        own = select(User).where(User.clinic_id == person.clinic_id, User.role == Role.ADMINISTRATOR, *is_open)
        person.need(Right.ADMINISTER)
        return list(self._session.scalars(own.order_by(User.id)))

    def count_waiting(self, person: Person) -> int:
        """Count the accounts of an administrator's clinic that wait for approval."""
        person.need(Right.ADMINISTER)
        own = (User.clinic_id == person.clinic_id, User.deleted_at.is_(None), User.approved_at.is_(None))
        return self._session.scalar(select(func.count()).select_from(User).where(*own)) or 0

    def everyone(self) -> list[User]:
        """List every account, for the command line."""
        kept = select(User).where(User.deleted_at.is_(None))
        return list(self._session.scalars(kept.order_by(User.clinic_id, User.email)))

    def colleague(self, person: Person, key: str) -> User:
        """Find an account of the administrator's own clinic."""
        person.need(Right.ADMINISTER)
        user = self._session.scalar(select(User).where(User.key == key, User.clinic_id == person.clinic_id))
        if user is None or user.deleted_at is not None:
            raise NotFound
        return user

    def approve(self, by: Person, key: str) -> None:
        """Approve an account that waits."""
        user = self.colleague(by, key)
        user.approved_at = self._clock()
        user.active = True
        self._audit.record(by, Action.APPROVED, Subject.ACCOUNT, user.key)

    def set_active(self, by: Person, key: str, active: bool) -> None:
        """Disable an account, which ends its sessions, or enable it again."""
        user = self.colleague(by, key)
        if not active:
            if user.id == by.id:
                raise Rejected("You cannot disable your own account.")
            self._spare_last_administrator(user)
        user.active = active
        self._sessions.end_all(user)
        self._audit.record(by, Action.ENABLED if active else Action.DISABLED, Subject.ACCOUNT, user.key)

    def change_role(self, by: Person, key: str, role: Role) -> None:
        """Change a colleague's role."""
        user = self.colleague(by, key)
        if user.id == by.id:
            raise Rejected("You cannot change your own role.")
        if role is not Role.ADMINISTRATOR:
            self._spare_last_administrator(user)
        user.role = role.value
        self._audit.record(by, Action.CHANGED_ROLE, Subject.ACCOUNT, user.key)

    def delete(self, by: Person, key: str) -> None:
        """Delete an account: the person's data, sign-in and tokens go. What they signed stays, with their name.

        The row stays without them, for studies and opinions refer to it; so do tokens of the clinic's machines.
        """
        user = self.colleague(by, key)
        if user.id == by.id:
            raise Rejected("You cannot delete your own account.")
        if by.id is not None or not self._is_unused_and_alone(user):  # the operator takes back a clinic made by mistake
            self._spare_last_administrator(user)
        self._session.execute(delete(Token).where(Token.user_id == user.id, Token.machine.is_(False)))
        user.email, user.name, user.password = f"{user.key}@deleted.invalid", "", ""
        user.active, user.deleted_at = False, self._clock()
        user.language = user.signed_in_at = None
        user.identities.clear()
        self._forget_second_factor(user)
        self._sessions.forget(user)
        self._audit.record(by, Action.DELETED, Subject.ACCOUNT, user.key)

    def recovery_link(self, by: Person, key: str) -> str:
        """Make the path of a link with which a colleague chooses a new password.

        Raises
        ------
        Rejected
            If the account cannot sign in anyway, or is one's own.
        """
        user = self.colleague(by, key)
        if user.id == by.id:
            raise Rejected("This is your own account. Change your password on your account page.")
        if not user.active:
            raise Rejected("This account cannot sign in. Enable it first.")
        if not self.takes_password(user):
            raise Rejected("This account has no password here: its owner signs in with the identity provider.")
        self._audit.record(by, Action.MADE_RECOVERY_LINK, Subject.ACCOUNT, user.key)
        return recovery_path(user, self._settings)

    def who_may_recover(self, email: str) -> User | None:
        """Find the account of an address that may choose a new password by a link sent to it."""
        user = self.by_email(email)
        return user if user is not None and user.active and self.takes_password(user) else None

    def must_have_second_factor(self, user: User) -> bool:
        """Return whether the installation's settings ask for a second factor of this account."""
        return self._second_factor[Role(user.role)]

    def reset_second_factor(self, by: Person, key: str) -> User:
        """Remove a colleague's second factor, so that they can set up a new one.

        Raises
        ------
        Rejected
            If the account is one's own.
        """
        user = self.colleague(by, key)
        if user.id == by.id:
            raise Rejected("This is your own account. Set up your second factor on your account page.")
        self.take_second_factor(user, by)
        return user

    def take_second_factor(self, user: User, by: Person) -> None:
        """Remove an account's second factor and recovery codes, and end its sessions."""
        self._forget_second_factor(user)
        self._sessions.end_all(user)
        self._audit.record(by, Action.RESET_SECOND_FACTOR, Subject.ACCOUNT, user.key)

    def change_name(self, user: User, name: str) -> None:
        """Change one's own name. The trail has two entries of it: one under the old name, one under the new.

        Raises
        ------
        Rejected
            If another account of the clinic has the name.
        """
        if is_taken(self._session, user.clinic_id, name, but=user):
            raise Rejected(
                "Another account of your clinic has this name. Add what tells you apart, such as a middle name or "
                "your department."
            )
        self._audit.record(user.person, Action.GAVE_UP_NAME, Subject.ACCOUNT, user.key)
        user.name = name
        self._audit.record(user.person, Action.TOOK_NAME, Subject.ACCOUNT, user.key)

    def change_language(self, user: User, language: str | None) -> None:
        """Change one's own language."""
        user.language = language
        self._audit.record(user.person, Action.CHANGED, Subject.ACCOUNT, user.key)

    def signed_in(self, user: User) -> None:
        """Record a sign-in."""
        user.signed_in_at = self._clock()
        self._audit.record(user.person, Action.SIGNED_IN, Subject.ACCOUNT, user.key)

    def _forget_second_factor(self, user: User) -> None:
        user.tf_primary_method = user.tf_totp_secret = user.tf_counter = None
        user.mf_recovery_codes = None

    def _is_unused_and_alone(self, user: User) -> bool:
        others = (User.clinic_id == user.clinic_id, User.deleted_at.is_(None), User.id != user.id)
        return user.signed_in_at is None and self._session.scalar(select(User.id).where(*others).limit(1)) is None

    def _spare_last_administrator(self, user: User) -> None:
        """Refuse to take away the only one who can manage a clinic; of two at once, the second is refused."""
        if user.role != Role.ADMINISTRATOR or not user.active:
            return
        self._session.get(Clinic, user.clinic_id, with_for_update=True, populate_existing=True)
        others = (User.clinic_id == user.clinic_id, User.role == Role.ADMINISTRATOR, User.active, User.id != user.id)
        if not self._session.scalar(select(func.count()).select_from(User).where(*others)):
            raise Rejected("This is the clinic's only administrator. Make someone else administrator first.")

    def _open(self, applicant: Applicant, clinic_id: int, role: Role, *, approved: bool) -> User | None:
        email, clinic = valid_email(applicant.email), self._session.get_one(Clinic, clinic_id)
        if not applicant.name.strip():
            raise Rejected("Enter a name.")
        self._passwords.check(applicant.password, email, applicant.name, clinic.name)
        password = self._passwords.hash(applicant.password)  # also where the address is taken: equal time
        if self._session.scalar(select(func.count()).where(User.email == email)):
            return None
        return self._insert(applicant.name.strip(), email, password, clinic_id, role, approved=approved)

    def _insert(self, name: str, email: str, password: str, clinic_id: int, role: Role, *, approved: bool) -> User:
        now = self._clock()
        user = User(
            key=new_key(),
            clinic_id=clinic_id,
            email=email,
            name=name_of_new(self._session, clinic_id, name, email),
            role=role.value,
            password=password,
            active=approved,
            approved_at=now if approved else None,
            created_at=now,
            fs_uniquifier=uuid.uuid4().hex,
        )
        self._session.add(user)
        self._session.flush()
        self._audit.record(user.person, Action.REGISTERED, Subject.ACCOUNT, user.key)
        return user
