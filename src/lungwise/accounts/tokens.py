"""Tokens: how programs prove for whom they act, what they may do, and until when."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lungwise.access import Person, Right, Role
from lungwise.accounts.models import Token, User
from lungwise.accounts.names import is_taken
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound, Rejected
from lungwise.store import Clock, new_key

__all__ = ["LONGEST_DAYS", "Scope", "Token", "Tokens", "person_of"]

LONGEST_DAYS = 366
_PREFIX = "lw_"  # people and secret scanners recognise a token by it
_USE_KEPT_EVERY = timedelta(minutes=1)
"""How often a token's last use is saved: not every request writes."""


class Scope(StrEnum):
    """What a token may be allowed to do. None lets a program administer; only administrators let one delete."""

    SEE = "see"
    UPLOAD = "upload"
    CONCLUDE = "conclude"
    EXPORT = "export"
    DELETE = "delete"

    @property
    def right(self) -> Right:
        """The right that the scope leaves of its owner's role."""
        return Right(self.value)


class Tokens:
    """The tokens of every account, and of the machines of every clinic."""

    def __init__(self, session: Session, clock: Clock, audit: AuditTrail) -> None:
        self._session = session
        self._clock = clock
        self._audit = audit

    def add(
        self,
        person: Person,
        name: str,
        scopes: Iterable[Scope],
        days: int,
        *,
        machine: bool = False,
        by: Person | None = None,
    ) -> tuple[Token, str]:
        """Make a token, and return it with its text, which is shown once and stored nowhere.

        Every token may see, because everything else needs that. Only administrators make a machine's; it acts under its
        own name and keeps its scopes, whatever becomes of its maker's account and role.

        Parameters
        ----------
        by
            Who makes it, where that is not the person themselves.

        Raises
        ------
        Rejected
            If it has no name, a machine's is that of a person, or it is to be valid for too long.
        """
        person.need(Right.ADMINISTER if machine else Right.SEE)
        if not name.strip():
            raise Rejected("A token needs a name that says what uses it.")
        if machine and is_taken(self._session, person.clinic_id, name):
            raise Rejected("Somebody in your clinic has this name. Give the token the name of the machine.")
        if not 1 <= days <= LONGEST_DAYS:
            raise Rejected("A token is valid for one day at least and for a year at most.")
        text = _PREFIX + secrets.token_urlsafe(32)
        now = self._clock()
        token = Token(
            key=new_key(),
            user_id=person.id,
            machine=machine,
            name=name.strip()[:120],
            scopes=" ".join(sorted({Scope.SEE, *scopes})),
            hash=_hash(text),
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        self._session.add(token)
        self._session.flush()
        self._audit.record(by or person, Action.MADE_TOKEN, Subject.TOKEN, token.key)
        return token, text

    def own(self, person: Person) -> list[Token]:
        """List the person's own tokens that are not revoked, the newest first."""
        query = select(Token).where(Token.user_id == person.id, Token.machine.is_(False), Token.revoked_at.is_(None))
        return list(self._session.scalars(query.order_by(Token.id.desc())))

    def machines(self, person: Person) -> list[Token]:
        """List the tokens of the clinic's machines that are not revoked, the newest first."""
        person.need(Right.ADMINISTER)
        query = select(Token).join(User).where(User.clinic_id == person.clinic_id)
        query = query.where(Token.machine.is_(True), Token.revoked_at.is_(None))
        return list(self._session.scalars(query.order_by(Token.id.desc())))

    def everyone(self) -> list[Token]:
        """List every token, for the command line."""
        return list(self._session.scalars(select(Token).order_by(Token.id)))

    def revoke(self, person: Person, key: str) -> None:
        """End one of the person's own tokens, or as administrator any of the clinic's machines'."""
        machines = self.machines(person) if person.may(Right.ADMINISTER) else []
        token = next((token for token in [*self.own(person), *machines] if token.key == key), None)
        if token is None:
            raise NotFound
        self.end(person, token)

    def end_own(self, person: Person) -> None:
        """End all of a person's own tokens. Those of the clinic's machines stay: they are the clinic's."""
        for token in self.own(person):
            self.end(person, token)

    def by_key(self, key: str) -> Token | None:
        """Find any token, for the command line."""
        return self._session.scalar(select(Token).where(Token.key == key))

    def end(self, by: Person, token: Token) -> None:
        """End a token, and record who did; nothing is done to one that is ended already."""
        if token.revoked_at is None:
            token.revoked_at = self._clock()
            self._audit.record(by, Action.REVOKED_TOKEN, Subject.TOKEN, token.key)

    def check(self, text: str) -> Token | None:
        """Find the token of a text; None if it is unknown, revoked or expired, or its owner is disabled."""
        found = select(Token).where(Token.hash == _hash(text))
        token = self._session.scalar(found.options(joinedload(Token.user).joinedload(User.clinic)))
        if token is None or token.revoked_at is not None or token.expires_at <= self._clock():
            return None
        return token if token.machine or token.user.active else None

    def is_newly_used(self, token: Token) -> bool:
        """Return whether the last use is due to be saved."""
        return token.used_at is None or self._clock() - token.used_at > _USE_KEPT_EVERY

    def used(self, key: str) -> None:
        """Save that a token is used now. Its first use, and each after a day without, is recorded."""
        token = self.by_key(key)
        if token is None:
            return
        if _is_long_ago(token.used_at, self._clock()):
            self._audit.record(person_of(token), Action.USED_TOKEN, Subject.TOKEN, token.key)
        token.used_at = self._clock()


def person_of(token: Token) -> Person:
    """Return for whom the token's program acts: its owner within the scopes, or a machine within its own.

    A machine has the role of who made it, which only administrators do, and not what became of that person since: a
    clinic's archive must not stop when an administrator becomes a doctor.
    """
    owner = token.user
    name, role = (token.name, Role.ADMINISTRATOR) if token.machine else (owner.name, Role(owner.role))
    within = {Scope(scope).right for scope in token.scopes.split()} | {Right.SEE_ALL}  # as far as the role sees
    return Person(owner.id, name, owner.clinic_id, role, frozenset(within))


def _is_long_ago(used_at: datetime | None, now: datetime) -> bool:
    return used_at is None or now - used_at > timedelta(days=1)


def _hash(text: str) -> str:
    """Hash without salt or stretching: 256 random bits cannot be guessed."""
    return hashlib.sha256(text.encode()).hexdigest()
