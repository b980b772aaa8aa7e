"""Slow down guessing: after too many failures an account or a network address is locked for a while."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TypeVar

from sqlalchemy import Select, delete, or_, select
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Session

from lungwise.access import NOBODY
from lungwise.accounts.models import SignInFailures, User
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.settings import Settings
from lungwise.store import Clock, Database

T = TypeVar("T")
_security_log = logging.getLogger("lungwise.security")
_REPORT_EVERY = timedelta(minutes=1)
_KEPT = timedelta(days=1)
_CLEARED_AT_ONCE = 20
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class Lock(StrEnum):
    """What is locked."""

    ACCOUNT = "account"
    ADDRESS = "address"


class Secret(StrEnum):
    """The secret that somebody guesses."""

    SIGN_IN = "sign-in"
    CODE = "code"
    CONFIRMATION = "password once more"
    SETUP_CODE = "set-up code"
    PROVIDER = "provider's word"
    ANSWER = "provider's answer"
    """An answer that nobody asked for: wrong ones lock no other way in, for anybody can have a browser bring them."""

    @property
    def address_lock(self) -> str:
        """What a network address's wrong guesses are counted as."""
        return f"{Lock.ADDRESS} of answers" if self is Secret.ANSWER else Lock.ADDRESS

    @property
    def action(self) -> Action:
        """How a wrong guess is recorded."""
        return Action.FAILED_TO_CONFIRM_PASSWORD if self is Secret.CONFIRMATION else Action.FAILED_TO_SIGN_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """Somebody's guess at a secret.

    Parameters
    ----------
    name
        Whose secret it is. It need not be an existing account.
    account
        The account, if there is one.
    """

    secret: Secret
    name: str
    account: User | None = None


class Throttle:
    """Counts the guesses that come from one network address, each in a separate transaction.

    A count stays, whatever becomes of the request. A guess is counted before it is checked, so that many sent at
    once cannot outrun the lock, and the count is taken back if the guess is right. A guess that a lock refuses
    counts for that lock only: it neither prolongs it nor locks anything else.

    Parameters
    ----------
    session
        The request's own session. It must have written nothing yet when a guess is counted.
    trail
        Makes the audit trail over a session, for actions from a network address.
    """

    def __init__(
        self,
        database: Database,
        session: Session,
        clock: Clock,
        settings: Settings,
        trail: Callable[[Session, str], AuditTrail],
        address: str,
    ) -> None:
        self._database = database
        self._session = session
        self._clock = clock
        self._duration = timedelta(minutes=settings.lock_minutes)
        self._limits = {Lock.ACCOUNT: settings.sign_in_failures, Lock.ADDRESS: settings.address_failures}
        self._trail = trail
        self._address = address

    def admit(self, guess: Guess) -> Lock | None:
        """Count a guess. If this returns a lock, the guess must not be checked."""
        lock = self._transact(lambda session: self._admit(session, guess))
        if lock:
            self._log(logging.WARNING, f"is not looked at: its {lock} is locked", guess)
        return lock

    def failed(self, guess: Guess) -> None:
        """Record that a guess was wrong.

        A guess at an address without an account is recorded too, for no clinic: a quicker answer would reveal it.
        """
        self._log(logging.WARNING, "is wrong" if guess.account else "is wrong, and no account's", guess)
        self._transact(lambda session: self._fail(session, guess))
        self._clear_out()

    def succeeded(self, guess: Guess) -> None:
        """Forget the account's failures, and of the network address's only this guess."""
        self._transact(lambda session: self._forgive(session, guess))
        self._log(logging.INFO, "is right", guess)

    def refused(self, guess: Guess) -> None:
        """Record that somebody is refused who guessed nothing: it counts towards no lock."""
        self._transact(lambda session: self._forgive(session, guess))
        self._log(logging.WARNING, "is refused", guess)
        self._transact(lambda session: self._record(session, guess.account, guess.secret.action, self._address))

    def forget(self, *guesses: Guess) -> None:
        """Forget failures in the request's own transaction, because the secret has changed."""
        names = [_hash(guess.secret, guess.name) for guess in guesses]
        self._session.execute(delete(SignInFailures).where(SignInFailures.name.in_(names)))

    def report(self) -> None:
        """Record refused guesses that were not followed by others."""
        now, reported = self._clock(), SignInFailures.reported_at
        late = or_(reported <= now - _REPORT_EVERY, reported >= now + _REPORT_EVERY)
        for name in self._read(select(SignInFailures.name).where(SignInFailures.unreported > 0, late)):
            self._transact(partial(self._report, name=name))

    def _log(self, level: int, what: str, guess: Guess) -> None:
        """Log what became of a guess, with the account's key if there is an account (OWASP ASVS 7.2.1)."""
        who = {"account": f"account {guess.account.key}" if guess.account else "nobody", "address": self._address}
        line = "a guess at a %s %s; of %s, from %s"
        _security_log.log(level, line, guess.secret, what, who["account"], self._address, extra=who)

    def _transact(self, action: Callable[[Session], T]) -> T:
        """Act in a separate transaction. SQLite has one writer, so the request's transaction ends first."""
        self._session.commit()
        return self._database.transact(action)

    def _read(self, names: Select[str]) -> list[str]:
        with self._database.reading() as session:
            return list(session.scalars(names))

    def _admit(self, session: Session, guess: Guess) -> Lock | None:
        rows, now = self._rows(session, guess), self._clock()
        locked = [lock for lock, row in rows.items() if self._counts(row, now) and row.count >= self._limits[lock]]
        for lock in locked or rows:
            self._count(rows[lock], now, lengthen=not locked and lock is Lock.ACCOUNT)
        if guess.account is not None:
            rows[Lock.ACCOUNT].user_id = guess.account.id
            rows[Lock.ACCOUNT].unreported += bool(locked)
            self._report_refused(session, rows[Lock.ACCOUNT], guess.account, self._address)
        return locked[-1] if locked else None

    def _forgive(self, session: Session, guess: Guess) -> None:
        rows = self._rows(session, guess)
        rows[Lock.ADDRESS].count = max(rows[Lock.ADDRESS].count - 1, 0)
        if guess.account is not None:
            self._report_refused(session, rows[Lock.ACCOUNT], guess.account, self._address, at_once=True)
        session.delete(rows[Lock.ACCOUNT])

    def _report(self, session: Session, *, name: str) -> None:
        row = _locked_row(session, name)
        user = session.get(User, row.user_id) if row.user_id else None
        if user is None:
            row.unreported = 0
        else:
            self._report_refused(session, row, user, "")

    def _rows(self, session: Session, guess: Guess) -> dict[Lock, SignInFailures]:
        """Lock the rows, always in this order, so that no two requests wait for each other."""
        return {
            Lock.ACCOUNT: _locked_row(session, _hash(guess.secret, guess.name)),
            Lock.ADDRESS: _locked_row(session, _hash(guess.secret.address_lock, _network(self._address))),
        }

    def _count(self, row: SignInFailures, now: datetime, *, lengthen: bool) -> None:
        """Count a guess. Those from an address keep no older ones alive: most of a hospital's are right."""
        goes_on = self._counts(row, now)
        row.count = row.count + 1 if goes_on else 1
        if lengthen or not goes_on:
            row.until = now + self._duration

    def _fail(self, session: Session, guess: Guess) -> None:
        """Record a wrong guess. An address is locked for the whole time from the one on that reaches its limit."""
        row = self._rows(session, guess)[Lock.ADDRESS]
        if row.count >= self._limits[Lock.ADDRESS]:
            row.until = self._clock() + self._duration
        self._record(session, guess.account, guess.secret.action, self._address)

    def _counts(self, row: SignInFailures, now: datetime) -> bool:
        """Return whether failures count still.

        A time further ahead than any that is ever set, by whichever machine, was set by a clock that ran ahead.
        """
        return now < row.until <= now + 2 * self._duration

    def _report_refused(
        self, session: Session, row: SignInFailures, user: User, address: str, *, at_once: bool = False
    ) -> None:
        """Record how many guesses were refused since the last record, at most once a minute."""
        now = self._clock()
        if row.unreported and (at_once or row.reported_at is None or abs(now - row.reported_at) >= _REPORT_EVERY):
            self._record(session, user, Action.TRIED_WHILE_LOCKED, address, row.unreported)
            row.unreported, row.reported_at = 0, now

    def _record(
        self, session: Session, user: User | None, action: Action, address: str, times: int | None = None
    ) -> None:
        person, key = (user.person, user.key) if user else (NOBODY, "")
        self._trail(session, address).record(person, action, Subject.ACCOUNT, key, times)

    def _clear_out(self) -> None:
        """Delete old rows, each in its own transaction, so that none waits for a lock while it holds another."""
        old = (SignInFailures.until < self._clock() - _KEPT, SignInFailures.unreported == 0)
        for name in self._read(select(SignInFailures.name).where(*old).limit(_CLEARED_AT_ONCE)):
            gone = delete(SignInFailures).where(SignInFailures.name == name, *old)
            self._transact(partial(Session.execute, statement=gone))


def _locked_row(session: Session, name: str) -> SignInFailures:
    """Return a locked row, and create it if necessary; another process may create it at the same moment."""
    row = session.get(SignInFailures, name, with_for_update=True)
    if row is None and session.get_bind().dialect.name == "mysql":
        new = mysql.insert(SignInFailures).values(name=name, count=0, until=_LONG_AGO)
        session.execute(new.on_duplicate_key_update(name=SignInFailures.name))
        row = session.get(SignInFailures, name, with_for_update=True)
    if row is None:  # on SQLite nobody else writes meanwhile
        row = SignInFailures(name=name, count=0, until=_LONG_AGO, unreported=0)
        session.add(row)
        session.flush()
    return row


def _network(address: str) -> str:
    """Return what one subscriber has: a single IPv4 address, or an IPv6 network of 64 bits."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
    return str(ip)


def _hash(kind: str, name: str) -> str:
    """Return the key of a row: a hash, so that the table does not reveal who tried to sign in."""
    return hashlib.sha256(f"{kind}:{name}".encode("utf-8", "surrogatepass")).hexdigest()
