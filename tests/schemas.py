"""The schema of a MariaDB database, to be made again in another one: quicker than to run every migration."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, create_engine

Schema = list[tuple[str, list[tuple[Any, ...]]]]
"""Statements, each with the rows that it takes."""


def schema_of(url: str) -> Schema:
    """Give what makes a database's tables and the few rows in them."""
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = [str(name) for (name,) in connection.exec_driver_sql("SHOW TABLES")]
        schema = [statement for table in tables for statement in _statements(connection, table)]
    engine.dispose()
    return schema


def make_schema(url: str, schema: Schema) -> None:
    """Make the same tables in an empty database."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET foreign_key_checks = 0")  # the tables are in alphabetical order
        for statement, rows in schema:
            connection.exec_driver_sql(statement, rows or None)
    engine.dispose()


def _statements(connection: Connection, table: str) -> Schema:
    (_name, made) = connection.exec_driver_sql(f"SHOW CREATE TABLE `{table}`").one()
    rows = [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM `{table}`")]
    marks = ", ".join("%s" for _ in rows[0]) if rows else ""
    filled: Schema = [(f"INSERT INTO `{table}` VALUES ({marks})", rows)] if rows else []
    return [(made, []), *filled]
