"""Bring a database to this release's schema, or say whether it is there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply the steps that the database lacks."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            _upgrade_sqlite(connection, revision)
        else:
            with connection.begin():
                command.upgrade(_config(connection), revision)


def is_current(engine: Engine) -> bool:
    """Say whether the database has this release's schema."""
    with engine.connect() as connection:
        applied = MigrationContext.configure(connection).get_current_heads()
    return set(applied) == set(ScriptDirectory.from_config(_config(None)).get_heads())


def _upgrade_sqlite(connection: Connection, revision: str) -> None:
    """Let tables be made anew while others refer to them (https://sqlite.org/lang_altertable.html, section 7).

    Afterwards the write-ahead log is emptied: it holds pages as they were before.
    """
    pragma = connection.connection.cursor().execute
    pragma("PRAGMA foreign_keys=OFF")
    try:
        with connection.begin():
            command.upgrade(_config(connection), revision)
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if broken:
                raise ValueError(f"The upgrade would break the table {broken[0]}; nothing is changed.")
        pragma("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        pragma("PRAGMA foreign_keys=ON")


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
