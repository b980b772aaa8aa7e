"""Upgrade a database to this release's schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection

_FOREIGN_KEYS = {
    "sqlite": ("PRAGMA foreign_keys=OFF", "PRAGMA foreign_keys=ON"),
    "mysql": ("SET FOREIGN_KEY_CHECKS=0", "SET FOREIGN_KEY_CHECKS=1"),
}
"""What switches the checks off and on again, by dialect."""


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply the steps that the database lacks."""
    with engine.connect() as connection:
        with without_foreign_keys(connection), connection.begin():
            apply_steps(connection, revision)
        empty_log(connection)


def apply_steps(connection: Connection, revision: str = "head") -> None:
    """Apply, in the connection's transaction, the steps that the database lacks up to a schema."""
    command.upgrade(_config(connection), revision)


def is_current(engine: Engine) -> bool:
    """Return whether the database has this release's schema."""
    with engine.connect() as connection:
        return schema_of(connection) == _heads()


def newer_schema(engine: Engine) -> str:
    """Return the schema of a database that a later release has upgraded; empty where this release knows it."""
    with engine.connect() as connection:
        schema = schema_of(connection)
    return "" if not schema or is_known(schema) else schema


def is_known(schema: str) -> bool:
    """Return whether a schema is this release's or that of one before."""
    return schema in {step.revision for step in _steps().walk_revisions()}


def schema_of(connection: Connection) -> str:
    """Return the last step that a database has; empty where it has none."""
    return ", ".join(sorted(MigrationContext.configure(connection).get_current_heads()))


def _heads() -> str:
    return ", ".join(sorted(_steps().get_heads()))


@cache
def _steps() -> ScriptDirectory:
    """Read the steps, once in a process."""
    return ScriptDirectory.from_config(_config(None))


@contextmanager
def without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Let a table be replaced without deleting, by cascade, what refers to the old one's rows.

    SQLite accepts the pragma only outside of a transaction, so this bypasses SQLAlchemy, which would begin one.
    """
    off, on = _FOREIGN_KEYS[connection.dialect.name]
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - the connection is open
    _run(driver, off)
    try:
        yield
    finally:
        _run(driver, on)


def _run(driver: DBAPIConnection, statement: str) -> None:
    cursor = driver.cursor()
    cursor.execute(statement)
    cursor.close()


def empty_log(connection: Connection) -> None:
    """Empty SQLite's write-ahead log, which holds pages as they were before."""
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
