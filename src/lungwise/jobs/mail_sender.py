"""Sends the mails of the outbox, in a thread of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy.orm import Session

from lungwise.accounts.letters import recovery_letter
from lungwise.accounts.mail_server import AddressRefusedError, MailServer
from lungwise.accounts.outbox import ClaimedMail, Letter, MailKind, Outbox
from lungwise.accounts.service import Accounts
from lungwise.audit.service import AuditTrail
from lungwise.jobs.worker import SingleJobWorker
from lungwise.settings import Settings
from lungwise.store import Clock, Database

_log = logging.getLogger("lungwise.mail")

Words = Callable[[str], Callable[[str], str]]
"""Gives what translates sentences into a language."""


class MailSender(SingleJobWorker[Outbox, ClaimedMail, bool]):
    """Hands one mail after the other to the mail server; `work_all` yields whether it took each."""

    stop_seconds = 15.0

    def __init__(self, database: Database, settings: Settings, clock: Clock, words: Words) -> None:
        super().__init__(database, "mail sender")
        self._settings = settings
        self._clock = clock
        self._words = words
        self._server = MailServer(settings)

    def queue(self, session: Session) -> Outbox:
        """Open the outbox over a session."""
        return Outbox(session, self._clock, enabled=True)

    def claim(self, queue: Outbox) -> ClaimedMail | None:
        """Claim the next mail."""
        return queue.claim()

    def do(self, job: ClaimedMail) -> bool | None:
        """Send a mail, and return whether the mail server took it; nothing where nobody is to get it."""
        letter = self._recovery(job.letter) if job.kind is MailKind.RECOVERY else job.letter
        try:
            taken = None if letter is None else self._send(letter)
        except OSError as error:
            name = type(error).__name__
            _log.error("The mail server did not take a mail (%s). Check the smtp settings.", name)
            self._write(lambda outbox: outbox.fail(job, name))
            return False
        self._write(lambda outbox: outbox.finish(job))
        return taken

    def _send(self, letter: Letter) -> bool:
        try:
            self._server.send(letter.to, letter.subject, letter.text)
        except AddressRefusedError:
            _log.warning("A mail is deleted: the mail server knows no such address.")
            return False
        return True

    def _recovery(self, asked: Letter) -> Letter | None:
        """Write the mail to whoever has forgotten a password, where there is such an account."""
        with self._database.writing() as session:
            accounts = Accounts(session, self._clock, self._settings, AuditTrail(session, self._clock))
            user = accounts.who_may_recover(asked.to)
            if user is None:
                return None
            return recovery_letter(user, self._settings, self._words(user.language or asked.language))
