"""SQLite: how its connections are set up, and how the threads of a process take turns to write.

SQLite has one writer at a time and no queue: whoever finds the lock taken tries again after ever longer pauses, and
if many write, some wait for seconds. So the threads of a process queue up, first come, first served, and only then
try for the lock against other processes.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExecutionContext
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.pool import ConnectionPoolEntry

WAIT_SECONDS = 30
"""How long a transaction waits for its turn to write."""


class Lock(Enum):
    """When a transaction takes the write lock."""

    AT_ONCE = "at once"
    WITH_FIRST_WRITE = "with the first write"


class WriteQueue:
    """Lets one connection of a process write at a time, in the order in which they came."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._waiting: deque[object] = deque()

    def enter(self, connection: object, seconds: float | None = None) -> None:
        """Wait for this connection's turn; after `WAIT_SECONDS` go on, and leave it to SQLite to refuse."""
        end = time.monotonic() + (WAIT_SECONDS if seconds is None else seconds)
        with self._change:
            self._waiting.append(connection)
            self._change.wait_for(lambda: self._waiting[0] is connection, end - time.monotonic())

    def leave(self, connection: object) -> None:
        """Let the next one write, if this connection had its turn or waited for it."""
        with self._change:
            if connection in self._waiting:
                self._waiting.remove(connection)
                self._change.notify_all()


class _Transactions:
    """Begins an engine's transactions, and lets them take turns."""

    def __init__(self) -> None:
        self._queue = WriteQueue()

    def begin(self, connection: Connection) -> None:
        """Begin a transaction; it takes the lock now, or with its first write, or never."""
        lock = connection.get_execution_options().get("lungwise_lock")
        connection.info["may_lock"] = lock is Lock.WITH_FIRST_WRITE
        if lock is Lock.AT_ONCE:
            self._begin_writing(connection)
        else:
            connection.exec_driver_sql("BEGIN")

    def before_execute(
        self,
        connection: Connection,
        _cursor: object,
        _statement: str,
        _parameters: object,
        context: ExecutionContext,
        _many: bool,
    ) -> None:
        """Turn a transaction that has only read into one that writes."""
        if connection.info.get("may_lock") and _writes(context):
            connection.info["may_lock"] = False
            connection.exec_driver_sql("COMMIT")
            self._begin_writing(connection)

    def leave(self, connection: sqlite3.Connection, *_details: object) -> None:
        """Let the next connection write."""
        self._queue.leave(connection)

    def _begin_writing(self, connection: Connection) -> None:
        seconds = connection.get_execution_options().get("lungwise_wait_seconds")
        self._queue.enter(connection.connection.dbapi_connection, seconds)
        with _waiting_at_most(connection, seconds):
            connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _waiting_at_most(connection: Connection, seconds: float | None) -> Iterator[None]:
    """Let SQLite wait so long for other programs; None leaves it as it is."""
    if seconds is None:
        yield
        return
    before = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    connection.exec_driver_sql(f"PRAGMA busy_timeout={seconds * 1000:.0f}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={before}")


def set_up(engine: Engine) -> None:
    """Set up an engine's connections, and let their transactions take turns."""
    transactions = _Transactions()
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", transactions.begin)
    event.listen(engine, "before_cursor_execute", transactions.before_execute)
    for end in ("reset", "checkin", "invalidate", "close"):
        event.listen(engine, end, transactions.leave)


def _prepare(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # an acknowledged film survives a power cut
        "foreign_keys=ON",
        "secure_delete=ON",  # what is deleted is overwritten
    ):
        connection.execute(f"PRAGMA {pragma}")


def _writes(context: ExecutionContext) -> bool:
    if not isinstance(context, DefaultExecutionContext):
        return False
    locks = getattr(getattr(context.compiled, "statement", None), "_for_update_arg", None) is not None
    return context.isinsert or context.isupdate or context.isdelete or locks
