"""Sends the mails of the outbox, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lungwise.accounts.letters import recovery_letter
from lungwise.accounts.mail_server import AddressRefusedError, MailServer
from lungwise.accounts.outbox import ClaimedMail, Letter, MailKind, Outbox
from lungwise.accounts.service import Accounts
from lungwise.audit.service import AuditTrail
from lungwise.settings import Settings
from lungwise.store import Clock, Database

_log = logging.getLogger("lungwise.mail")
_POLL_SECONDS = 2.0
_GLANCE_SECONDS = 0.1

Words = Callable[[str], Callable[[str], str]]
"""Gives what translates sentences into a language."""


class MailSender:
    """Claims one mail after the other, and hands each to the mail server. Any number of processes may have one."""

    def __init__(self, database: Database, settings: Settings, clock: Clock, words: Words) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._words = words
        self._server = MailServer(settings)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mail sender", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the mail in hand; the rest stays queued, and so does that one where its server is stuck."""
        self._stopping.set()
        self._thread.join(15)

    def send_due(self) -> Iterator[bool]:
        """Send what is due in the calling thread; say of each mail whether the mail server took it."""
        while self._any_due() and not self._stopping.is_set():
            mail = self._claim()
            if mail is None:
                self._stopping.wait(_GLANCE_SECONDS)  # another sender has what is due
            elif mail.letter.text:
                yield self._send(mail)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                for _taken in self.send_due():
                    pass
            except SQLAlchemyError:
                _log.exception("The database cannot be reached; mails stay queued until it can.")
            except Exception:  # whatever one mail does, the others are sent
                _log.exception("A mail failed; it is tried again.")
            self._stopping.wait(_POLL_SECONDS)

    def _any_due(self) -> bool:
        with self._database.reading() as session:
            return self._outbox(session).any_due()

    def _claim(self) -> ClaimedMail | None:
        """Claim a mail with what it says; one without a text was for an address without an account, and is deleted."""
        with self._database.writing() as session:
            outbox = self._outbox(session)
            mail = outbox.claim()
            if mail is None or mail.kind is not MailKind.RECOVERY:
                return mail
            mail = replace(mail, letter=self._recovery(session, mail.letter))
            if not mail.letter.text:
                outbox.drop(mail)
            return mail

    def _recovery(self, session: Session, asked: Letter) -> Letter:
        accounts = Accounts(session, self._clock, self._settings, AuditTrail(session, self._clock))
        user = accounts.who_may_recover(asked.to)
        if user is None:
            return asked
        return recovery_letter(user, self._settings, self._words(user.language or asked.language))

    def _send(self, mail: ClaimedMail) -> bool:
        """Hand a mail over, outside of any transaction."""
        taken, done = True, True
        try:
            self._server.send(mail.letter.to, mail.letter.subject, mail.letter.text)
        except AddressRefusedError:
            _log.warning("A mail is deleted: the mail server knows no such address.")
            taken = False
        except OSError as error:
            _log.error("The mail server did not take a mail (%s). Check the smtp settings.", type(error).__name__)
            taken = done = False
        with self._database.writing() as session:
            outbox = self._outbox(session)
            if done:
                outbox.drop(mail)
            else:
                outbox.put_back(mail)
        return taken

    def _outbox(self, session: Session) -> Outbox:
        return Outbox(session, self._clock, enabled=True)
