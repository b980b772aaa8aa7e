"""The schema of a MariaDB database, to be made again in another one: quicker than to run every migration."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, create_engine

Rows = list[tuple[Any, ...]]
Schema = dict[str, tuple[str, Rows]]
"""By its name what makes each table, and the rows that it has from the beginning."""
_NEXT_NUMBER = re.compile(r" AUTO_INCREMENT=\d+")


def schema_of(url: str) -> Schema:
    """Give what makes a database's tables and the few rows in them."""
    engine = create_engine(url)
    with engine.connect() as connection:
        schema = {table: (_made(connection, table), _rows(connection, table)) for table in _tables(connection)}
    engine.dispose()
    return schema


def make_schema(url: str, schema: Schema) -> None:
    """Make the same tables in an empty database."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET foreign_key_checks = 0")  # the tables are in alphabetical order
        for table, (made, rows) in schema.items():
            connection.exec_driver_sql(made)
            _insert(connection, table, rows)
    engine.dispose()


def empty_again(url: str, schema: Schema) -> bool:
    """Take out of a database what was written into it; return whether it is as it was made, but for that."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET foreign_key_checks = 0")
        is_same = _tables(connection) == list(schema) and all(
            _empty_table(connection, table, *schema[table]) for table in schema
        )
    engine.dispose()
    return is_same


def _empty_table(connection: Connection, table: str, made: str, rows: Rows) -> bool:
    now = _made(connection, table)
    if _NEXT_NUMBER.sub("", now) != _NEXT_NUMBER.sub("", made):
        return False
    if now != made or _is_written(connection, table, rows):
        connection.exec_driver_sql(f"DELETE FROM `{table}`")
        connection.exec_driver_sql(f"ALTER TABLE `{table}` AUTO_INCREMENT = 1")
        _insert(connection, table, rows)
    return True


def _is_written(connection: Connection, table: str, rows: Rows) -> bool:
    if rows:
        return _rows(connection, table) != rows
    return bool(connection.exec_driver_sql(f"SELECT EXISTS (SELECT 1 FROM `{table}`)").scalar())


def _tables(connection: Connection) -> list[str]:
    return [str(name) for (name,) in connection.exec_driver_sql("SHOW TABLES")]


def _made(connection: Connection, table: str) -> str:
    return str(connection.exec_driver_sql(f"SHOW CREATE TABLE `{table}`").one()[1])


def _rows(connection: Connection, table: str) -> Rows:
    return [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM `{table}`")]


def _insert(connection: Connection, table: str, rows: Rows) -> None:
    if rows:
        marks = ", ".join("%s" for _ in rows[0])
        connection.exec_driver_sql(f"INSERT INTO `{table}` VALUES ({marks})", rows)
