"""The database: one engine, and sessions that read or write."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import DateTime, Dialect, Engine, MetaData, create_engine, event, literal_column, select
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator, TypeEngine

from lungwise.settings import Settings
from lungwise.store.encryption import use_keys
from lungwise.store.faults import Fault, fault_of, retried
from lungwise.store.keys import Keys
from lungwise.store.postponed import Postponed
from lungwise.store.sqlite import WAIT_SECONDS, Lock, set_up
from lungwise.tls import client_context, is_loopback

T = TypeVar("T")
_log = logging.getLogger("lungwise.database")
_SOON_SECONDS = 3.0
"""How long a page waits with what it writes after it has read."""
_ACTIONS = "lungwise_actions_after_commit"
Clock = Callable[[], datetime]
"""Returns the time, aware and in UTC."""


def utc_now() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)


def new_key() -> str:
    """Make the random key by which pages name a row; it reveals nothing."""
    return secrets.token_hex(10)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC to the microsecond, on every database."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Ask MySQL for microseconds, which it drops otherwise."""
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if dialect.name == "mysql" else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store without a zone, in UTC."""
        return _in_utc(value).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Add the zone again."""
        return value.replace(tzinfo=UTC) if value else None


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:  # the first day of all, east of UTC, or the last, west of it
        return value


TABLE = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "sqlite_autoincrement": True,  # the id of a deleted row is never given to another one
}
"""The options of every table."""


class Base(DeclarativeBase):
    """The base of every noun's models. Text compares byte by byte on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    __table_args__: Any = TABLE


def after_commit(session: Session, action: Callable[[], None]) -> None:
    """Run an action once the session's transaction is committed, and never if it is rolled back.

    An action that fails is logged: the transaction is committed, and the answer must say so.
    """
    if _ACTIONS not in session.info:
        event.listen(session, "after_commit", _run_actions)
        event.listen(session, "after_rollback", _forget_actions)
    session.info.setdefault(_ACTIONS, []).append(action)


def _run_actions(session: Session) -> None:
    actions, session.info[_ACTIONS] = session.info[_ACTIONS], []
    for action in actions:
        try:
            action()
        except Exception:
            _log.exception("What follows a transaction cannot be done.")


def _forget_actions(session: Session) -> None:
    session.info[_ACTIONS] = []


_UTC_TIMESTAMP = select(literal_column("UTC_TIMESTAMP(6)", Moment))


def database_time(session: Session, clock: Clock = utc_now) -> datetime:
    """Return the database's time: the one clock that all processes of an installation share.

    SQLite has none: all its processes are on one machine, whose time `clock` tells.
    """
    if session.get_bind().dialect.name == "sqlite":
        return clock()
    return session.execute(_UTC_TIMESTAMP).scalar_one()


class Database:
    """One database: SQLite, MySQL or MariaDB.

    On SQLite a writing session takes the write lock when it begins, so that no reader of a row
    finds it changed when it comes to write. A request's session takes it with its first write: what it
    read before may be changed by then, as on the other databases, which read what is committed.

    Parameters
    ----------
    wait_seconds
        How long SQLite waits for another program that has locked it.
    """

    def __init__(self, settings: Settings, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self.url = settings.database
        self.engine = _engine(settings, wait_seconds)
        self.keys = Keys(settings)
        use_keys(self.engine, self.keys)
        self._writing = self.engine.execution_options(lungwise_lock=Lock.AT_ONCE)
        self._soon_writing = self._writing.execution_options(lungwise_wait_seconds=_SOON_SECONDS)
        self.postponed = Postponed(self._transact_soon)
        self._perhaps_writing = self.engine.execution_options(lungwise_lock=Lock.WITH_FIRST_WRITE)

    def session(self, *, writes: bool) -> Session:
        """Open a session; the caller commits and closes."""
        return Session(self._writing if writes else self.engine, expire_on_commit=False)

    def request_session(self) -> Session:
        """Open a session that may come to write; the caller commits and closes."""
        return Session(self._perhaps_writing, expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that reads."""
        with self.session(writes=False) as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Open a session that reads everything as it was at one moment."""
        with self.session(writes=False) as session:
            if self.engine.dialect.name == "mysql":
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session that commits at the end, or rolls back if the block raises."""
        with self.session(writes=True) as session, session.begin():
            yield session

    def transact(self, action: Callable[[Session], T]) -> T:
        """Run an action in a transaction of its own, and again if it collides with another."""

        def attempt() -> T:
            with self.writing() as session:
                return action(session)

        return retried(attempt)

    def _transact_soon(self, action: Callable[[Session], object]) -> None:
        """Run an action in a transaction of its own, and do not wait long for other programs."""

        def attempt() -> None:
            with Session(self._soon_writing, expire_on_commit=False) as session, session.begin():
                action(session)

        retried(attempt, again=lambda error: fault_of(error) is Fault.COLLISION)

    def close(self) -> None:
        """Close every connection, after a last try to write what was postponed."""
        self.postponed.finish()
        self.engine.dispose()


def _engine(settings: Settings, wait_seconds: float) -> Engine:
    url = make_url(settings.database)
    if url.get_backend_name() != "sqlite":
        return _created(
            url.update_query_dict({"charset": "utf8mb4"}),
            pool_pre_ping=True,
            pool_recycle=1800,
            pool_size=settings.threads + settings.readers,
            isolation_level="READ COMMITTED",
            hide_parameters=True,  # an error must not quote a patient
            connect_args=_connecting(settings),
        )
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(
        url, connect_args={"timeout": wait_seconds}, pool_size=settings.threads + settings.readers, hide_parameters=True
    )
    set_up(engine)
    return engine


def _created(url: URL, **options: Any) -> Engine:  # noqa: ANN401 - as SQLAlchemy takes them
    try:
        return create_engine(url, **options)
    except ModuleNotFoundError as error:
        raise ArgumentError(f"there is no driver {error.name} for the database") from error


def _connecting(settings: Settings) -> dict[str, Any]:
    """Bound how long a request waits for a server that has vanished."""
    return {"connect_timeout": 5, "read_timeout": 60, "write_timeout": 60, **_tls(settings)}


def _tls(settings: Settings) -> dict[str, Any]:
    if settings.database_tls_ca is not None:
        own = (settings.database_tls_certificate, settings.database_tls_key)
        return {"ssl": client_context(settings.database_tls_ca, *own)}
    url = make_url(settings.database)
    says_more = any(name.startswith(("ssl_", "read_default_")) for name in url.query)
    # By default PyMySQL loads all authorities that the machine trusts for each connection, and then checks none.
    return {"ssl_disabled": True} if is_loopback(url.host or "localhost") and not says_more else {}
