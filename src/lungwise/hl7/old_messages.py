"""What is known of messages that were done long ago is forgotten."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lungwise.hl7.inbox import Inbox
from lungwise.store import Database
from lungwise.store.background_thread import BackgroundThread

_log = logging.getLogger("lungwise.hl7")
_FORGET_SECONDS = 6 * 3600.0


class OldMessages(BackgroundThread):
    """Forgets the messages that were done long ago, at the start and then every six hours."""

    name = "old messages"
    stop_seconds = 60.0

    def __init__(self, database: Database, inbox_over: Callable[[Session, str], Inbox]) -> None:
        super().__init__()
        self._database = database
        self._inbox_over = inbox_over

    def forget(self) -> None:
        """Forget them in the calling thread."""
        self._database.transact(lambda session: self._inbox_over(session, "").forget())

    def _work(self) -> None:
        self._forget_if_possible()
        while not self._stopping.wait(_FORGET_SECONDS):
            self._forget_if_possible()

    def _forget_if_possible(self) -> None:
        try:
            self.forget()
        except SQLAlchemyError:  # the database is away: they are forgotten the next time
            _log.exception("Old messages are not forgotten.")
