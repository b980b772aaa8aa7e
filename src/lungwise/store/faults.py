"""What a database's errors mean, by the codes of its driver, and the answers for people."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, NoResultFound, SQLAlchemyError, TimeoutError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from lungwise.errors import Conflict, Full, Rejected, Unavailable

T = TypeVar("T")


class Fault(StrEnum):
    """Why a database failed."""

    COLLISION = "another transaction changed the same"
    BUSY = "it is busy"
    UNREACHABLE = "it cannot be reached"
    REFUSED = "it refuses the account"
    SCHEMA = "its schema is another release's"
    FULL = "its disk is full"
    READ_ONLY = "it is read-only"
    DAMAGED = "it is damaged, or its disk is"
    TOO_LARGE = "a value is too large for it"
    UNKNOWN = "an error of the program"


class CollisionError(SQLAlchemyError):
    """A transaction finds that another one has changed its rows."""


_MYSQL = {
    Fault.COLLISION: (1213, 1020, 1062, 1586, 1216, 1217, 1451, 1452),
    Fault.BUSY: (1205, 1040, 1203, 1226, 1317, 1969, 3024),
    Fault.UNREACHABLE: (0, 1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1927, *range(2000, 2100)),
    Fault.REFUSED: (1044, 1045, 1049, 1130, 1142, 1143, 1227, 1698),
    Fault.SCHEMA: (1054, 1146),
    Fault.FULL: (1021, 1114),
    Fault.READ_ONLY: (1290, 1792, 1836),
    Fault.DAMAGED: (3, 1026, 1030, 1033, 1034, 1035, 1194, 1195, 1712, 1877, 1932),
    Fault.TOO_LARGE: (1153, 1264, 1406, 1690),
}
"""The errors of MySQL and MariaDB by what they mean (their manuals' lists of server and client errors)."""
_SQLITE = {
    Fault.COLLISION: (787, 1555, 2067, 2579),  # foreign key, primary key, unique, row id
    Fault.BUSY: (5, 6),
    Fault.UNREACHABLE: (14,),
    Fault.REFUSED: (3, 23),
    Fault.FULL: (13,),
    Fault.READ_ONLY: (8,),
    Fault.DAMAGED: (10, 11, 26),
    Fault.TOO_LARGE: (18,),
}
"""SQLite's result codes by what they mean (https://www.sqlite.org/rescode.html)."""
_ANSWERS: dict[Fault, Exception] = {
    Fault.COLLISION: Conflict("Someone else changed this at the same moment."),
    Fault.BUSY: Unavailable("The database is busy right now."),
    Fault.UNREACHABLE: Unavailable("The database cannot be reached right now."),
    Fault.REFUSED: Unavailable("The database refuses this installation's account. Tell your administrator."),
    Fault.SCHEMA: Unavailable("The database does not fit this version of Lungwise. Tell your administrator."),
    Fault.FULL: Full("The disk is full."),
    Fault.READ_ONLY: Unavailable("The database can be read right now, but not changed. Tell your administrator."),
    Fault.DAMAGED: Unavailable("The database, or the disk it is on, is damaged. Tell your administrator."),
    Fault.TOO_LARGE: Rejected("A text is too long, or a number too large. Make it shorter."),
}
_TRIES = 8
_FIRST_PAUSE_SECONDS = 0.02
_RETRY_SECONDS = 20.0
"""Seconds after which nothing is tried again, since somebody waits for the answer."""
_random = random.SystemRandom()


def fault_of(error: BaseException) -> Fault:
    """Return what an error of SQLAlchemy, or of the driver below it, means."""
    if isinstance(error, CollisionError | StaleDataError | ObjectDeletedError | NoResultFound):
        return Fault.COLLISION
    if isinstance(error, TimeoutError):  # every connection is in use
        return Fault.BUSY
    if not isinstance(error, DBAPIError) or error.orig is None:
        return Fault.UNKNOWN
    code = getattr(error.orig, "sqlite_errorcode", None)
    return _of_mysql(error.orig) if code is None else _of_sqlite(code, str(error.orig))


def answer_of(error: BaseException) -> Exception | None:
    """Return the answer to a database's error, with its true cause; None if it is an error of the program."""
    return _ANSWERS.get(fault_of(error))


def is_collision(error: BaseException) -> bool:
    """Return whether the same transaction may succeed when it is tried again."""
    return fault_of(error) in (Fault.COLLISION, Fault.BUSY)


def retried(attempt: Callable[[], T], again: Callable[[SQLAlchemyError], bool] = is_collision) -> T:
    """Run a whole transaction, and again a few times after a pause if it collides with others.

    Parameters
    ----------
    attempt
        Opens a session of its own each time, and leaves nothing behind when it raises.
    again
        Says after which errors to try again.
    """
    began = time.monotonic()
    for number in range(_TRIES - 1):
        try:
            return attempt()
        except SQLAlchemyError as error:
            if not again(error) or time.monotonic() - began > _RETRY_SECONDS:
                raise
        time.sleep(_random.uniform(0, _FIRST_PAUSE_SECONDS * 2**number))  # random, so that two do not collide again
    return attempt()


def _of_mysql(error: BaseException) -> Fault:
    code = error.args[0] if error.args else 0
    if "No space left" in str(error) or "rror 28 " in str(error):
        return Fault.FULL
    return _named(_MYSQL, code)


def _of_sqlite(code: int, text: str) -> Fault:
    if code == 1 and text.startswith("no such"):
        return Fault.SCHEMA
    exact = _named(_SQLITE, code)
    return exact if exact is not Fault.UNKNOWN else _named(_SQLITE, code & 0xFF)


def _named(codes: dict[Fault, tuple[int, ...]], code: object) -> Fault:
    return next((fault for fault, known in codes.items() if code in known), Fault.UNKNOWN)
