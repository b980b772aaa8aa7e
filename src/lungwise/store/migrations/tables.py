"""How steps make tables. Each step names its columns itself; only what holds for every table is here."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op
from sqlalchemy import Column, Connection, Inspector, String, text
from sqlalchemy.schema import SchemaItem


def create_table(name: str, *parts: SchemaItem) -> None:
    """Make a table whose text compares byte by byte on every database, and whose ids are never given twice.

    Constraints and indexes that a column declares are named by the convention of `store.database.Base`.
    """
    op.create_table(
        name,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        sqlite_autoincrement=_counts(parts),
    )


def _counts(parts: Sequence[SchemaItem]) -> bool:
    """Whether the table gives its rows their ids."""
    keys = [part for part in parts if isinstance(part, Column) and part.primary_key]
    return [key.name for key in keys] == ["id"] and keys[0].autoincrement is not False


def widen(table: str, column: str, before: int, after: int) -> None:
    """Let a column of text that is never null hold more characters.

    SQLite makes the table anew for that, and would begin to count its ids at the highest that is left.
    """
    connection = op.get_bind()
    last = _last_id(connection, table)
    with op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.alter_column(column, existing_type=String(before), type_=String(after), existing_nullable=False)
    if last is not None:
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table})
        row = {"table": table, "last": last}
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"), row)


def _last_id(connection: Connection, table: str) -> int | None:
    """Return the last id that SQLite gave to a row of a table."""
    if connection.dialect.name != "sqlite":
        return None
    last: int | None = connection.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = :table"), {"table": table})
    return last


def columns_of(inspector: Inspector, table: str) -> set[str]:
    """Return the names of a table's columns."""
    return {column["name"] for column in inspector.get_columns(table)}


def indexes_of(inspector: Inspector, table: str) -> set[str | None]:
    """Return the names of a table's indexes."""
    return {index["name"] for index in inspector.get_indexes(table)}


def uniques_of(inspector: Inspector, table: str) -> set[str | None]:
    """Return the names of a table's unique constraints."""
    return {unique["name"] for unique in inspector.get_unique_constraints(table)}


def foreign_keys_of(inspector: Inspector, table: str) -> set[str | None]:
    """Return the names of a table's foreign keys."""
    return {key["name"] for key in inspector.get_foreign_keys(table)}
