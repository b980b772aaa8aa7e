"""The way back: before an upgrade changes anything, every row of the database is copied as it is, and can be put back.

A copy has the rows as the database stores them, so that it needs no model of that time: what is encrypted stays so.
Films are not in it. They never change, and lie where they lay. A copy is signed, as a backup is.
"""

from __future__ import annotations

import base64
import json
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.orm import Session

from lungwise.settings import Settings
from lungwise.store.database import Database, utc_now
from lungwise.store.disk import write_atomically, written_whole
from lungwise.store.key_record import KeyRecord, prepare_keys
from lungwise.store.keys import Keys
from lungwise.store.manifest import BackupError, BackupWriter, check_manifest, content
from lungwise.store.migrations.steps import (
    apply_steps,
    empty_log,
    is_current,
    is_known,
    schema_of,
    without_foreign_keys,
)

KEPT = 3
"""Copies that stay once an upgrade has succeeded."""
_BEGUN = "begun-from"
"""The file that names the copy of an upgrade, or of a way back, that is not finished."""
_BATCH_SIZE = 1000
_SCHEMA = "copy.json"
_VERSIONS = "alembic_version"
_OF_UPGRADE = re.compile(r"-schema-(\d+)\.tar")
_OF_WAY_BACK = "-before-go-back"
"""What the name of a copy ends with that was made before a way back: only who names it goes back to it."""


class WentBack(NamedTuple):
    """What a way back did: the schema that the database has again, and the copy of what it was until then."""

    schema: str
    present: Path | None


def upgrade_with_copy(database: Database, settings: Settings) -> Path | None:
    """Upgrade the database, and return the copy of what it was; None where it was empty or needs no upgrade.

    An upgrade that was broken off and is begun again keeps the copy that it began from, and makes no other: on MySQL
    and MariaDB the database may be half upgraded by then.

    Raises
    ------
    OSError
        If the copy cannot be written, or a key is missing: then nothing is upgraded.
    """
    if is_current(database.engine):
        note_finished(settings)
        return None
    prepare_keys(database)
    copy = begun_from(settings) or keep_copy(database, settings)
    if copy:
        _note_begun(settings, copy)
    with database.engine.connect() as connection:
        with without_foreign_keys(connection), connection.begin():
            apply_steps(connection)
        empty_log(connection)
    note_finished(settings)
    for old in copies(settings)[KEPT:]:
        old.unlink()
    return copy


def begun_from(settings: Settings) -> Path | None:
    """Return the copy that an unfinished upgrade began from, or an unfinished way back leads to; None without one."""
    try:
        copy = Path((_folder(settings) / _BEGUN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return copy if copy.exists() else None


def note_finished(settings: Settings) -> None:
    """Forget it, since the database is whole: what is entered from now on is not in that copy."""
    (_folder(settings) / _BEGUN).unlink(missing_ok=True)


def copies(settings: Settings) -> list[Path]:
    """List the copies that are kept, the newest first."""
    return sorted(_folder(settings).glob("*.tar"), key=lambda file: file.name, reverse=True)


def copy_before_upgrade(database: Database, settings: Settings) -> Path | None:
    """Return the copy to go back to where none is named: the newest that an upgrade of this database began from."""
    if begun := begun_from(settings):
        return begun
    with database.engine.connect() as connection:
        present = schema_of(connection)
    for copy in copies(settings):
        found = _OF_UPGRADE.search(copy.name)
        if found and (not present or found[1] < present):
            return copy
    return None


def keep_copy(database: Database, settings: Settings, ending: str = "") -> Path | None:
    """Copy every row into a file in the data folder; None where there is no table yet."""
    with _one_moment(database.engine) as connection:
        schema = schema_of(connection)
        if not schema:
            return None
        _folder(settings).mkdir(parents=True, exist_ok=True, mode=0o700)
        file = _folder(settings) / f"{utc_now():%Y%m%dT%H%M%S%f}-schema-{schema}{ending}.tar"
        for left in _folder(settings).glob("*.part"):  # of a process that was killed
            left.unlink(missing_ok=True)
        with written_whole(file) as out, tarfile.open(fileobj=out, mode="w") as archive:
            _write(connection, BackupWriter(archive, database.keys), schema)
    return file


def go_back(database: Database, settings: Settings, file: Path, amend: Callable[[Session], None]) -> WentBack:
    """Make the database what a copy says that it was, whatever it is now, and keep a copy of what it is.

    On SQLite all of it happens or nothing. On MySQL and MariaDB tables are made anew one after the other: where that
    is broken off, do it again, from the same copy.

    Parameters
    ----------
    amend
        Changes what cannot be as it was, in the same transaction; the database has the schema of the copy.

    Raises
    ------
    BackupError
        If the file is not a copy, was changed, or is of a release after this one. Then nothing was done.
    MissingKeyError
        If a key of the copy is missing. Then nothing was done.
    """
    try:
        with tarfile.open(file) as archive:
            copied = _checked(archive, database.keys)
            present = keep_copy(database, settings, _OF_WAY_BACK)
            _note_begun(settings, file)
            with database.engine.connect() as connection:
                with without_foreign_keys(connection), connection.begin():
                    _drop_tables(connection)
                    apply_steps(connection, copied["schema"])
                    _fill(connection, archive, copied["tables"])
                    with Session(connection) as session:
                        amend(session)
                empty_log(connection)
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise BackupError(f"{file} is not a copy that an upgrade made.") from error
    note_finished(settings)
    return WentBack(copied["schema"], present)


def _checked(archive: tarfile.TarFile, keys: Keys) -> dict[str, Any]:
    """Return the schema and the columns of a copy that this release can put back."""
    check_manifest(archive, keys)
    copied: dict[str, Any] = json.loads(content(archive, _SCHEMA))
    if not is_known(copied["schema"]):
        raise BackupError(f"A later release of Lungwise made this copy (schema {copied['schema']}). Use that release.")
    for name in archive.getnames():
        if name.startswith(f"{KeyRecord.__tablename__}/"):
            for line in content(archive, name).splitlines():
                keys.key(json.loads(line)[0])
    return copied


def _note_begun(settings: Settings, copy: Path) -> None:
    """Keep which copy says what the database was before anything is changed."""
    _folder(settings).mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(_folder(settings) / _BEGUN, str(copy.resolve()).encode())


def _folder(settings: Settings) -> Path:
    return settings.data_folder / "before-upgrades"


@contextmanager
def _one_moment(engine: Engine) -> Iterator[Connection]:
    """Open a connection that reads everything as it was at one moment."""
    with engine.connect() as connection:
        if engine.dialect.name == "mysql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def _write(connection: Connection, copy: BackupWriter, schema: str) -> None:
    inspector = inspect(connection)
    names = [name for name in inspector.get_table_names() if name != _VERSIONS]
    tables = {name: [column["name"] for column in inspector.get_columns(name)] for name in names}
    copy.add(_SCHEMA, json.dumps({"schema": schema, "tables": tables}).encode())
    for name, columns in tables.items():
        for number, rows in enumerate(_rows(connection, name, columns)):
            copy.add(f"{name}/{number:08d}.jsonl", rows)
    copy.finish()


def _rows(connection: Connection, table: str, columns: Sequence[str]) -> Iterator[bytes]:
    """Read a table as the driver gives it, some rows at a time."""
    quote = connection.dialect.identifier_preparer.quote
    query = f"SELECT {', '.join(map(quote, columns))} FROM {quote(table)}"  # noqa: S608 - names of the schema alone
    found = connection.execution_options(stream_results=True).exec_driver_sql(query)
    for part in found.partitions(_BATCH_SIZE):
        yield b"".join(json.dumps([_said(value) for value in row], ensure_ascii=False).encode() + b"\n" for row in part)


def _said(value: object) -> object:
    """Say in JSON what it does not know: bytes, moments and days."""
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    return {"day": value.isoformat()} if isinstance(value, date) else value


def _meant(value: Any) -> object:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    if kind == "bytes":
        return base64.b64decode(text)
    return datetime.fromisoformat(text) if kind == "moment" else date.fromisoformat(text)


def _drop_tables(connection: Connection) -> None:
    quote = connection.dialect.identifier_preparer.quote
    for name in inspect(connection).get_table_names():
        connection.exec_driver_sql(f"DROP TABLE {quote(name)}")


def _fill(connection: Connection, archive: tarfile.TarFile, tables: dict[str, list[str]]) -> None:
    """Put the rows in place of those that the steps make."""
    quote = connection.dialect.identifier_preparer.quote
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    for name in tables:
        connection.exec_driver_sql(f"DELETE FROM {quote(name)}")  # noqa: S608 - signed, and names of the schema alone
    for member in archive:
        table = member.name.partition("/")[0]
        if table not in tables or not member.name.endswith(".jsonl"):
            continue
        columns = tables[table]
        into = f"{quote(table)} ({', '.join(map(quote, columns))})"
        statement = f"INSERT INTO {into} VALUES ({', '.join([mark] * len(columns))})"  # noqa: S608 - as above
        rows = [tuple(map(_meant, json.loads(line))) for line in content(archive, member).splitlines()]
        connection.exec_driver_sql(statement, rows)
