"""The outbox: a request writes a mail into the database, and a thread sends it. Nobody waits for a mail server."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from lungwise.accounts.email_addresses import normalised_email
from lungwise.accounts.models import Mail, MailLimit
from lungwise.store import Clock, EncryptionError, new_key
from lungwise.store.lease_queue import Lease, LeaseQueue, LeaseStatements

_log = logging.getLogger("lungwise.mail")

LIMIT = timedelta(minutes=5)
"""How long an address gets no second mail of a kind that anybody can ask for."""
LONGEST_AGE = timedelta(hours=12)
"""How long a mail is tried; whoever waits for it has asked again by then."""
_LEASE = timedelta(minutes=3)
_MAX_WAITING = 10_000
_BATCH = 100
"""Mails that one transaction looks at."""


class MailKind(StrEnum):
    """Why a mail is sent."""

    NOTICE = "notice"
    """Somebody who is signed in caused it."""
    REGISTRATION = "registration"
    """Anybody can ask for it, with anybody's address."""
    RECOVERY = "recovery"
    """Likewise. Its link is made when it is sent: only then is it known whether there is such an account."""


_LIMITED = (MailKind.REGISTRATION, MailKind.RECOVERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a mail says, and to whom. A recovery has a language, and neither subject nor text yet."""

    to: str
    language: str = ""
    subject: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMail(Lease):
    """A mail that is to be sent now."""

    kind: MailKind
    letter: Letter


class Outbox(LeaseQueue[Mail]):
    """The mails that wait, in the database. One that is sent, or that must not be, is deleted.

    Parameters
    ----------
    enabled
        Whether there is a mail server; without one nothing is ever queued.
    """

    statements = LeaseStatements(Mail)
    max_attempts = 1000  # its age ends a mail first
    first_pause, longest_pause = timedelta(seconds=30), timedelta(minutes=15)

    def __init__(self, session: Session, clock: Clock, *, enabled: bool) -> None:
        super().__init__(session, clock, _LEASE)
        self._enabled = enabled

    def add(self, kind: MailKind, letter: Letter) -> None:
        """Queue a mail; it is sent once the session's transaction is committed.

        The work is the same for every address. What depends on one, its account and its limit, is looked up by the
        sender, so that no answer's time tells who has an account.
        """
        if not self._enabled or self._is_full():
            return
        key, now = new_key(), self._now()
        content = json.dumps(asdict(letter), ensure_ascii=False)
        self._session.add(Mail(key=key, kind=kind, content=content, created_at=now, due_at=now))
        self._session.flush()

    def claim(self) -> ClaimedMail | None:
        """Claim the mail that has been due for longest; what must not be sent is deleted."""
        self._end_limits(self._now())
        for _ in range(_BATCH):
            mail = self._claim_next()
            if mail is None:
                return None
            letter = self._open(mail)
            if letter is not None and self._may_go(mail, letter, self._now()):
                return ClaimedMail(job=mail.id, token=mail.claim, kind=MailKind(mail.kind), letter=letter)
            self._session.delete(mail)
        return None

    def finish(self, mail: ClaimedMail) -> None:
        """Delete a mail that was sent, or that nobody is to get."""
        self._session.execute(delete(Mail).where(Mail.id == mail.job))

    def _end_limits(self, now: datetime) -> None:
        """Delete limits that are over, found without a lock: a search that locks waits for every other sender's."""
        over = select(MailLimit.name).where(MailLimit.until <= now).order_by(MailLimit.name).limit(_BATCH)
        if names := self._session.scalars(over).all():
            self._session.execute(delete(MailLimit).where(MailLimit.name.in_(names), MailLimit.until <= now))

    def _is_full(self) -> bool:
        waiting = select(Mail.id).limit(_MAX_WAITING).subquery()
        if self._session.scalar(select(func.count()).select_from(waiting)) != _MAX_WAITING:
            return False
        _log.error("%d mails wait for the mail server; no more are queued. Check the smtp settings.", _MAX_WAITING)
        return True

    def _open(self, mail: Mail) -> Letter | None:
        try:
            return Letter(**json.loads(mail.content))
        except EncryptionError as error:
            _log.error("A mail is deleted unsent. %s", error)
            return None

    def _may_go(self, mail: Mail, letter: Letter, now: datetime) -> bool:
        if mail.created_at + LONGEST_AGE <= now:
            _log.error("A mail is deleted: the mail server did not take it in time. Check the smtp settings.")
            return False
        if mail.attempts > 1 or mail.kind not in _LIMITED:
            return True
        return self._is_first(f"{mail.kind}:{normalised_email(letter.to)}", now)

    def _is_first(self, name: str, now: datetime) -> bool:
        """Count one mail, in the database, so that all processes count together."""
        hashed = hashlib.sha256(name.encode()).hexdigest()
        limit = self._session.get(MailLimit, hashed, with_for_update=True)
        if limit is None:
            limit = MailLimit(name=hashed, until=now)
            self._session.add(limit)
        if now < limit.until <= now + 2 * LIMIT:  # one further ahead was set by a clock that ran ahead
            return False
        limit.until = now + LIMIT
        self._session.flush()
        return True
