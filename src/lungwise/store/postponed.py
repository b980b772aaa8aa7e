"""What could not be written when it was due, because another program had locked the database or its disk was full.

A page that only reads must not fail because the audit trail cannot be written at that moment: its entry waits here, in
the order in which it came, and is written as soon as the database takes it again.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lungwise.errors import Full, Unavailable
from lungwise.store.faults import answer_of, fault_of

MOST = 10_000
"""How many may wait; from then on a page fails rather than be forgotten."""
_PAUSE_SECONDS = 2.0
_log = logging.getLogger("lungwise.database")

Action = Callable[[Session], object]
Write = Callable[[Action], object]


class Postponed:
    """Writes at once, or else as soon as possible, what belongs to an answer that is given already.

    Parameters
    ----------
    write
        Runs an action in a transaction of its own, without waiting long for the database.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._change = threading.Condition()
        self._waiting: deque[tuple[Context, Action]] = deque()
        self._writer: threading.Thread | None = None
        self._ends = False

    def __len__(self) -> int:
        return len(self._waiting)

    def write(self, action: Action) -> None:
        """Write now, or postpone it where the database takes nothing just now, or others are waiting already.

        Raises
        ------
        SQLAlchemyError
            If the database refuses it for good, or too much is waiting.
        """
        if 0 < len(self._waiting) < MOST:
            self._postpone(action)
            return
        try:
            self._write(action)
        except SQLAlchemyError as error:
            if not _may_pass(error) or len(self._waiting) >= MOST:
                raise
            _log.error("Postponed, since the database takes nothing now: %s.", fault_of(error))
            self._postpone(action)

    def finish(self) -> None:
        """Try a last time, and say in the log what is lost."""
        with self._change:
            self._ends = True
            self._change.notify_all()
            writer = self._writer
        if writer:
            writer.join()
        if self._waiting:
            _log.error("%d postponed entries were never written.", len(self._waiting))

    def _postpone(self, action: Action) -> None:
        with self._change:
            self._waiting.append((copy_context(), action))  # with the request that it belongs to
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_all, name="postponed", daemon=True)
                self._writer.start()

    def _write_all(self) -> None:
        while True:
            with self._change:
                ends = self._change.wait_for(lambda: self._ends, _PAUSE_SECONDS)
            while self._waiting and self._write_first():
                pass
            with self._change:
                if ends or not self._waiting:
                    self._writer = None
                    return

    def _write_first(self) -> bool:
        """Write what has waited longest; return whether it is done with."""
        context, action = self._waiting[0]
        try:
            context.run(self._write, action)
        except Exception as error:
            if isinstance(error, SQLAlchemyError) and _may_pass(error):
                return False
            _log.exception("What was postponed cannot be written.")
        self._waiting.popleft()
        return True


def _may_pass(error: SQLAlchemyError) -> bool:
    return isinstance(answer_of(error), Unavailable | Full)
