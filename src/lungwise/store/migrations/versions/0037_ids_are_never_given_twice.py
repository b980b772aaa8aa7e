"""SQLite gives the id of a deleted row to the next one no more: who knows a row by its id must not meet another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"

_NUMBERED_BY_US = {"audit_entries", "audit_head"}
_KEEP = {"sqlite_autoincrement": True}


def upgrade() -> None:
    """Make anew, on SQLite, each table that gives its rows their ids; on a server ids are never given twice."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    query = sa.text("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%AUTOINCREMENT%'")
    for name in connection.scalars(query).all():
        keys = sa.inspect(connection).get_pk_constraint(name)["constrained_columns"]
        if keys == ["id"] and name not in _NUMBERED_BY_US:
            with op.batch_alter_table(name, recreate="always", table_kwargs=_KEEP):
                pass
