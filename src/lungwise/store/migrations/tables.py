"""How steps make tables. Each step names its columns itself; only what holds for every table is here."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op
from sqlalchemy import Column, Inspector
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
