"""The rules of accounts that the identity provider vouches for. Who somebody is, issuer and subject say alone."""

from __future__ import annotations

import logging
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.accounts.administrators import Administrators
from lungwise.accounts.models import ProvidedIdentity, SignIn, User
from lungwise.accounts.oidc.claims import ProvidedPerson, key_of
from lungwise.accounts.service import Accounts
from lungwise.accounts.sessions import Sessions
from lungwise.accounts.tokens import Tokens
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.clinics.service import Clinic
from lungwise.errors import Rejected
from lungwise.settings import Settings
from lungwise.store import Clock, after_commit

_log = logging.getLogger("lungwise.security")
_NO_ADMINISTRATOR = (
    "the clinic %s has no administrator any more: the identity provider gave the last one another role. "
    "Make somebody administrator there, or here: lungwise users set-role"
)


class ProvidedAccounts:
    """The accounts of those whom the provider knows."""

    def __init__(
        self, session: Session, clock: Clock, settings: Settings, audit: AuditTrail, accounts: Accounts
    ) -> None:
        self._session = session
        self._clock = clock
        self._settings = settings
        self._audit = audit
        self._accounts = accounts
        self._sessions = Sessions(session, clock, settings, audit)
        self._tokens = Tokens(session, clock, audit)

    def of(self, identity: str) -> User | None:
        """Find the account that is bound to an identity."""
        query = select(User).join(ProvidedIdentity, ProvidedIdentity.user_id == User.id)
        return self._session.scalar(query.where(ProvidedIdentity.name == identity, User.deleted_at.is_(None)))

    def admit(self, person: ProvidedPerson) -> User:
        """Return the account of somebody who signs in, with the role that the provider gives them today.

        Who has none yet gets one.

        Raises
        ------
        Rejected
            If the provider gives no role, the account is disabled or of another clinic, or none can be opened.
        """
        if person.role is None:
            raise Rejected(
                "%(provider)s gives you no role in Lungwise. Ask whoever manages your account there.",
                provider=self._settings.oidc_name,
            )
        known = self.of(person.identity)
        if known is None:
            return self._open(person, person.role)
        self._check(known, person)
        if known.role != person.role:
            self._change_role(known, person.role)
        return known

    def shut_out(self, user: User) -> None:
        """End the sessions and own tokens of somebody whom the provider gives no role any more."""
        self._sessions.end_all(user)
        self._tokens.end_own(user.person)

    def link(self, user: User, identity: str, by: Person) -> None:
        """Bind an account to an identity.

        Raises
        ------
        Rejected
            If either is bound already.
        """
        if self.of(identity) is not None:
            raise Rejected("This sign-in is linked to an account already.")
        if any(one.issuer == self._settings.oidc_issuer for one in user.identities):
            raise Rejected("This account is linked already. Whoever runs the server can unlink it.")
        self._bind(user, identity)
        self._audit.record(by, Action.LINKED_SIGN_IN, Subject.ACCOUNT, user.key)

    def link_subject(self, user: User, subject: str, by: Person) -> None:
        """Bind an account to whom the provider calls by a subject; see `link`."""
        if not self._settings.oidc_issuer:
            raise Rejected("The setting oidc_issuer names no identity provider.")
        self.link(user, key_of(self._settings.oidc_issuer, subject), by)

    def unlink(self, user: User, by: Person) -> None:
        """Part an account from every identity, and end its sessions.

        Raises
        ------
        Rejected
            If it has none.
        """
        if not user.identities:
            raise Rejected("This account is not linked.")
        user.identities.clear()
        self._sessions.end_all(user)
        self._audit.record(by, Action.UNLINKED_SIGN_IN, Subject.ACCOUNT, user.key)

    def signed_out_there(self, identity: str, provider_session: str) -> None:
        """End the sessions that began with one at the provider; where it names none, all that somebody began there.

        Whoever has no other session here has no sign-in either that waits for a code.
        """
        query = select(SignIn, User).join(User, User.id == SignIn.user_id).where(SignIn.ended_at.is_(None))
        if provider_session:
            query = query.where(SignIn.provider_session == provider_session)
        else:
            whose = select(ProvidedIdentity.user_id).where(ProvidedIdentity.name == identity)
            query = query.where(SignIn.provider_session.is_not(None), SignIn.user_id.in_(whose))
        known = self.of(identity)
        owners = {known} if known else set()
        for begun, user in self._session.execute(query).all():
            begun.ended_at = self._clock()
            self._audit.record(user.person, Action.SIGNED_OUT, Subject.ACCOUNT, user.key)
            owners.add(user)
        for owner in owners:
            if not self._sessions.own(owner):
                self._sessions.end_all(owner)

    def _change_role(self, known: User, role: Role) -> None:
        """Give somebody another role: also to the last administrator of a clinic, whom the provider may dismiss."""
        was_administrator, known.role = known.role == Role.ADMINISTRATOR, role.value
        self._audit.record(known.person, Action.CHANGED_ROLE, Subject.ACCOUNT, known.key)
        if was_administrator and not Administrators(self._session, self._audit).count(known.clinic_id):
            after_commit(self._session, partial(_log.warning, _NO_ADMINISTRATOR, known.clinic.name))

    def _check(self, known: User, person: ProvidedPerson) -> None:
        if known.waits:
            raise Rejected("Your account is waiting for your clinic's administrator to approve it.")
        if not known.active:
            raise Rejected("This account is disabled. Ask your clinic's administrator.")
        if self._settings.oidc_clinic_claim and self._clinic(person).id != known.clinic_id:
            raise Rejected(
                "Your account here belongs to another clinic than %(provider)s names. Ask your clinic's administrator.",
                provider=self._settings.oidc_name,
            )

    def _clinic(self, person: ProvidedPerson) -> Clinic:
        there = self._accounts.clinics()
        if self._settings.oidc_clinic_claim:
            there = [clinic for clinic in there if clinic.name in person.clinics]
        if len(there) != 1:
            raise Rejected(
                "%(provider)s does not say which clinic here is yours. Ask whoever manages your account there.",
                provider=self._settings.oidc_name,
            )
        return there[0]

    def _open(self, person: ProvidedPerson, role: Role) -> User:
        """Open an account. One with the same e-mail address is another's, until its owner links it themselves."""
        clinic = self._clinic(person)
        if not person.email:
            raise Rejected(
                "%(provider)s does not give an e-mail address of yours that is confirmed. Ask whoever manages your "
                "account there.",
                provider=self._settings.oidc_name,
            )
        if self._accounts.by_email(person.email) is not None:
            raise Rejected(
                "Your e-mail address has an account here already. Sign in with its password, and link it on your "
                "account page."
            )
        user = self._accounts.open_without_password(person.name, person.email, clinic.id, role)
        self._bind(user, person.identity)
        return user

    def _bind(self, user: User, identity: str) -> None:
        issuer = self._settings.oidc_issuer
        user.identities.append(ProvidedIdentity(issuer=issuer, name=identity, created_at=self._clock()))
        self._session.flush()
