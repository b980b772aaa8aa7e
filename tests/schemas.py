"""The schema of a MariaDB database, to be made again in another one: quicker than to run every migration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
from pymysql.cursors import Cursor
from sqlalchemy import make_url

Rows = list[tuple[Any, ...]]
Schema = dict[str, tuple[str, Rows]]
"""By its name what makes each table, and the rows that it has from the beginning."""
_NEXT_NUMBER = re.compile(r" AUTO_INCREMENT=\d+")


def schema_of(url: str) -> Schema:
    """Give what makes a database's tables and the few rows in them."""
    with _asking(url) as cursor:
        return {table: (_made(cursor, table), _rows(cursor, table)) for table in _tables(cursor)}


def make_schema(url: str, schema: Schema) -> None:
    """Make the same tables in an empty database."""
    with _asking(url) as cursor:
        for table, (made, rows) in schema.items():
            cursor.execute(made)
            _insert(cursor, table, rows)


def empty_again(url: str, schema: Schema) -> bool:
    """Take out of a database what was written into it; return whether it is as it was made, but for that."""
    with _asking(url) as cursor:
        if _tables(cursor) != list(schema):
            return False
        written = _written(cursor, schema)
        return all(_empty_table(cursor, table, *schema[table], table in written) for table in schema)


@contextmanager
def _asking(url: str) -> Iterator[Cursor]:
    """Give a cursor that commits at the end; the driver's own, since a thousand statements by SQLAlchemy take long."""
    place = make_url(url)
    arguments = {"host": place.host, "port": place.port, "user": place.username, "password": place.password}
    with (
        pymysql.connect(**arguments, database=place.database, ssl_disabled=True) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SET foreign_key_checks = 0")  # the tables are in alphabetical order
        yield cursor
        connection.commit()


def _written(cursor: Cursor, schema: Schema) -> set[str]:
    """Return the tables that have other rows than from the beginning; asked for all at once."""
    cursor.execute(f"SELECT {', '.join(f'EXISTS (SELECT 1 FROM `{table}`)' for table in schema)}")
    filled = [table for table, has_rows in zip(schema, cursor.fetchone() or (), strict=True) if has_rows]
    return {
        table
        for table, (_made, rows) in schema.items()
        if (table in filled) != bool(rows) or (rows and _rows(cursor, table) != rows)
    }


def _empty_table(cursor: Cursor, table: str, made: str, rows: Rows, is_written: bool) -> bool:
    now = _made(cursor, table)
    if _NEXT_NUMBER.sub("", now) != _NEXT_NUMBER.sub("", made):
        return False
    if now != made or is_written:
        cursor.execute(f"DELETE FROM `{table}`")
        cursor.execute(f"ALTER TABLE `{table}` AUTO_INCREMENT = 1")
        _insert(cursor, table, rows)
    return True


def _tables(cursor: Cursor) -> list[str]:
    cursor.execute("SHOW TABLES")
    return [str(name) for (name,) in cursor.fetchall()]


def _made(cursor: Cursor, table: str) -> str:
    cursor.execute(f"SHOW CREATE TABLE `{table}`")
    found = cursor.fetchone()
    assert found
    return str(found[1])


def _rows(cursor: Cursor, table: str) -> Rows:
    cursor.execute(f"SELECT * FROM `{table}`")
    return list(cursor.fetchall())


def _insert(cursor: Cursor, table: str, rows: Rows) -> None:
    if rows:
        marks = ", ".join("%s" for _ in rows[0])
        cursor.executemany(f"INSERT INTO `{table}` VALUES ({marks})", rows)
