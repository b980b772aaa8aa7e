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

from sqlalchemy import Select, delete, select
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


class Lock(StrEnum):
    """What is locked."""

    ACCOUNT = "account"
    ADDRESS = "address"


class Secret(StrEnum):
    """What is guessed at."""

    SIGN_IN = "sign-in"
    CODE = "code"
    CONFIRMATION = "password once more"
    SETUP_CODE = "set-up code"

    @property
    def action(self) -> Action:
        """What the audit trail says of a wrong guess."""
        return Action.FAILED_TO_CONFIRM_PASSWORD if self is Secret.CONFIRMATION else Action.FAILED_TO_SIGN_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """Somebody's guess at a secret.

    Parameters
    ----------
    name
        Whose secret it is: any text, whether or not there is such an account.
    account
        The account, where there is one.
    """

    secret: Secret
    name: str
    account: User | None = None


class Throttle:
    """Counts the guesses that come from one network address, each in a transaction of its own.

    Whatever becomes of the request, a count stays. A guess is counted before it is looked at, so that
    many sent at once cannot outrun the lock, and forgiven where it turns out right. A guess that a lock
    refuses is counted with that lock alone: it neither lengthens it nor locks anything else.

    Parameters
    ----------
    session
        The request's own session. It must have written nothing yet when a guess is counted.
    trail
        Gives the audit trail over a session, for actions from a network address.
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
        """Count a guess. Where this gives a lock, the guess must not be looked at."""
        lock = self._apart(lambda own: self._admit(own, guess))
        if lock:
            self._log(logging.WARNING, f"is not looked at: its {lock} is locked", guess)
        return lock

    def failed(self, guess: Guess) -> None:
        """Tell the trail that a guess was wrong.

        One at no account is told as well, of no clinic: were it not, the quicker answer would tell who has an account.
        """
        self._log(logging.WARNING, "is wrong" if guess.account else "is wrong, and no account's", guess)
        self._apart(lambda own: self._record(own, guess.account, guess.secret.action, self._address))
        self._clear_out()

    def succeeded(self, guess: Guess) -> None:
        """Forget the account's failures; of the address's, forget this guess alone."""
        self._apart(lambda own: self._forgive(own, guess))
        self._log(logging.INFO, "is right", guess)

    def forget(self, *guesses: Guess) -> None:
        """Forget failures, with the request's own transaction: what was guessed at is there no more."""
        names = [_hash(guess.secret, guess.name) for guess in guesses]
        self._session.execute(delete(SignInFailures).where(SignInFailures.name.in_(names)))

    def report(self) -> None:
        """Tell the trail of refused guesses that nobody went on with."""
        late = SignInFailures.told_at <= self._clock() - _REPORT_EVERY
        for name in self._found(select(SignInFailures.name).where(SignInFailures.untold > 0, late)):
            self._apart(partial(self._report, name=name))

    def _log(self, level: int, what: str, guess: Guess) -> None:
        """Log what became of a guess, with the key of the account, where there is one (OWASP ASVS 7.2.1)."""
        who = {"account": f"account {guess.account.key}" if guess.account else "nobody", "address": self._address}
        line = "a guess at a %s %s; of %s, from %s"
        _security_log.log(level, line, guess.secret, what, who["account"], self._address, extra=who)

    def _apart(self, action: Callable[[Session], T]) -> T:
        """Act in a transaction of its own. SQLite knows one writer: the request's lets go of the lock first."""
        self._session.commit()
        return self._database.transact(action)

    def _found(self, names: Select[str]) -> list[str]:
        with self._database.reading() as session:
            return list(session.scalars(names))

    def _admit(self, own: Session, guess: Guess) -> Lock | None:
        rows, now = self._rows(own, guess), self._clock()
        locked = [lock for lock, row in rows.items() if row.until > now and row.count >= self._limits[lock]]
        for lock in locked or rows:
            self._count(rows[lock], now, lengthen=not locked)
        if guess.account is not None:
            rows[Lock.ACCOUNT].user_id = guess.account.id
            rows[Lock.ACCOUNT].untold += bool(locked)
            self._tell(own, rows[Lock.ACCOUNT], guess.account, self._address)
        return locked[-1] if locked else None

    def _forgive(self, own: Session, guess: Guess) -> None:
        rows = self._rows(own, guess)
        rows[Lock.ADDRESS].count = max(rows[Lock.ADDRESS].count - 1, 0)
        if guess.account is not None:
            self._tell(own, rows[Lock.ACCOUNT], guess.account, self._address, at_once=True)
        own.delete(rows[Lock.ACCOUNT])

    def _report(self, own: Session, *, name: str) -> None:
        row = _locked_row(own, name)
        user = own.get(User, row.user_id) if row.user_id else None
        if user is None:
            row.untold = 0
        else:
            self._tell(own, row, user, "")

    def _rows(self, own: Session, guess: Guess) -> dict[Lock, SignInFailures]:
        """Lock the rows, always in this order, so that no two requests wait for each other."""
        return {
            Lock.ACCOUNT: _locked_row(own, _hash(guess.secret, guess.name)),
            Lock.ADDRESS: _locked_row(own, _hash(Lock.ADDRESS, _network(self._address))),
        }

    def _count(self, row: SignInFailures, now: datetime, *, lengthen: bool) -> None:
        row.count = row.count + 1 if row.until > now else 1
        if lengthen:
            row.until = now + self._duration

    def _tell(self, own: Session, row: SignInFailures, user: User, address: str, *, at_once: bool = False) -> None:
        """Tell the trail how many guesses were refused since it was last told, once a minute."""
        now = self._clock()
        if row.untold and (at_once or row.told_at is None or now - row.told_at >= _REPORT_EVERY):
            self._record(own, user, Action.TRIED_WHILE_LOCKED, address, row.untold)
            row.untold, row.told_at = 0, now

    def _record(self, own: Session, user: User | None, action: Action, address: str, times: int | None = None) -> None:
        person, key = (user.person, user.key) if user else (NOBODY, "")
        self._trail(own, address).record(person, action, Subject.ACCOUNT, key, times)

    def _clear_out(self) -> None:
        """Delete rows that say nothing any more, each by itself: none waits for another's lock while it holds one."""
        old = (SignInFailures.until < self._clock() - _KEPT, SignInFailures.untold == 0)
        for name in self._found(select(SignInFailures.name).where(*old).limit(_CLEARED_AT_ONCE)):
            gone = delete(SignInFailures).where(SignInFailures.name == name, *old)
            self._apart(partial(Session.execute, statement=gone))


def _locked_row(own: Session, name: str) -> SignInFailures:
    """Give a row and hold it, made where there is none; another process may make it at the same moment."""
    row = own.get(SignInFailures, name, with_for_update=True)
    if row is None and own.get_bind().dialect.name == "mysql":
        new = mysql.insert(SignInFailures).values(name=name, count=0, until=datetime.fromtimestamp(0, UTC), untold=0)
        own.execute(new.on_duplicate_key_update(name=SignInFailures.name))
        row = own.get(SignInFailures, name, with_for_update=True)
    if row is None:  # on SQLite nobody else writes meanwhile
        row = SignInFailures(name=name, count=0, until=datetime.fromtimestamp(0, UTC), untold=0)
        own.add(row)
        own.flush()
    return row


def _network(address: str) -> str:
    """Give what one subscriber holds: a single address of IPv4, a network of 64 bits of IPv6."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
    return str(ip)


def _hash(kind: str, name: str) -> str:
    """Names are kept as hashes: the table says nothing of who tried to sign in."""
    return hashlib.sha256(f"{kind}:{name}".encode("utf-8", "surrogatepass")).hexdigest()
