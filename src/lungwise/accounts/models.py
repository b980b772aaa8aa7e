"""The tables of accounts: users, invitations, tokens, failed sign-ins, and mails that wait."""

from __future__ import annotations

from datetime import datetime

from flask_security import AsaList, RoleMixin, UserMixin
from sqlalchemy import Boolean, ForeignKey, Index, String
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, mapped_column, object_session, relationship

from lungwise.access import Person, Role
from lungwise.clinics.service import Clinic
from lungwise.store import Base, Encrypted, EncryptedText, Moment, Value
from lungwise.store.database import TABLE
from lungwise.store.lease_queue import Leased


class User(Base, UserMixin):
    """An account of one person in one clinic.

    One that was deleted keeps its row, which studies and opinions refer to, and nothing of the person.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"), index=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(20))
    active: Mapped[bool] = mapped_column(Boolean(create_constraint=False))
    approved_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment)
    signed_in_at: Mapped[datetime | None] = mapped_column(Moment)
    deleted_at: Mapped[datetime | None] = mapped_column(Moment)
    language: Mapped[str | None] = mapped_column(String(5))
    password: Mapped[str] = mapped_column(String(255))
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(String(255))
    tf_counter: Mapped[int | None] = mapped_column()
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(MutableList.as_mutable(AsaList()))

    clinic: Mapped[Clinic] = relationship()
    identities: Mapped[list[ProvidedIdentity]] = relationship(cascade="all, delete-orphan")

    @property
    def person(self) -> Person:
        """The account as one who acts."""
        return Person(self.id, self.name, self.clinic_id, Role(self.role))

    @property
    def roles(self) -> list[RoleMixin]:
        """None of Flask-Security's: what a role may do is said in `person.RIGHTS` alone."""
        return []

    @roles.setter
    def roles(self, _roles: object) -> None:
        """Ignore it: `role` is what counts."""

    def verify_and_update_password(self, password: str) -> bool:
        """Compare a password, with the database's write lock let go: hashing takes its time."""
        if not self.password:  # who signs in with the identity provider has none
            return False
        session = object_session(self)
        if session is not None:
            session.commit()
        return super().verify_and_update_password(password)

    def check_tf_required(
        self, tf_setup_methods: list[tuple[str, str]], tf_fresh: bool
    ) -> tuple[bool, list[tuple[str, str]]]:
        """Return that signing in asks for a second factor if there is one.

        Those who still have to set one up do so after signing in.
        """
        return bool(tf_setup_methods), tf_setup_methods

    @property
    def has_second_factor(self) -> bool:
        """Whether signing in asks for a code."""
        return bool(self.tf_primary_method and self.tf_totp_secret)

    @property
    def waits(self) -> bool:
        """Whether the account waits for an administrator's approval."""
        return self.approved_at is None


class ProvidedIdentity(Base):
    """That an account is somebody's whom the identity provider knows: by a hash of issuer and subject, never a name."""

    __tablename__ = "provided_identities"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    issuer: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment)


class SignIn(Base):
    """One browser's session, from signing in to its end. A cookie is worth no more than its row.

    `provider_session` is a hash of the session at the identity provider that it began with: empty where that has no
    name, null where it began with a password.
    """

    __tablename__ = "sign_ins"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    device: Mapped[str] = mapped_column(String(60))
    began_at: Mapped[datetime] = mapped_column(Moment)
    seen_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    provider_session: Mapped[str | None] = mapped_column(String(64), index=True)


class Invitation(Base):
    """A place in a clinic, kept for one e-mail address. The row goes when it is used or taken back."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"), index=True)
    email: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)


class Mail(Leased, Base):
    """A mail that waits for the mail server. `content` is encrypted, for a link in it opens an account."""

    __tablename__ = "mails"
    __table_args__ = (Index(None, "state", "due_at"), TABLE)

    key: Mapped[str] = mapped_column(String(20), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    content_encrypted: Mapped[Value] = mapped_column("content", Encrypted())
    content = EncryptedText("content_encrypted")


class MailLimit(Base):
    """Until when an address, by a hash of it, gets no further mail of a kind that anybody can ask for."""

    __tablename__ = "mail_limits"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    until: Mapped[datetime] = mapped_column(Moment)


class SignInFailures(Base):
    """Wrong guesses at one account's secret or from one network address, by a hash of its name.

    Of those that a lock refused, `unreported` are not in the audit trail yet; the others were `reported_at` a time.
    """

    __tablename__ = "failures"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column()
    until: Mapped[datetime] = mapped_column(Moment, index=True)
    user_id: Mapped[int | None] = mapped_column()
    unreported: Mapped[int] = mapped_column("untold", server_default="0")
    reported_at: Mapped[datetime | None] = mapped_column("told_at", Moment)


class Token(Base):
    """A key for a program: what it may do in its owner's name, and until when. Only its hash is kept."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    machine: Mapped[bool] = mapped_column(Boolean(create_constraint=False))
    name: Mapped[str] = mapped_column(String(120))
    scopes: Mapped[str] = mapped_column(String(80))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)

    user: Mapped[User] = relationship()
