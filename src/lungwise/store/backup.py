"""Backup: every table and every film in one tar file, the same for every database, encrypted as they are stored.

A manifest names every part with its SHA-256, and is signed with the keys: a backup that was changed is not restored.
"""

from __future__ import annotations

import base64
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Date, LargeBinary, Table, delete, func, insert, select
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from lungwise.store import plain_films
from lungwise.store.database import Base, Database, Moment, new_key
from lungwise.store.disk import sync_folder, written_whole
from lungwise.store.encryption import as_stored, context_of, encrypted_columns, keys_of, row_key_of
from lungwise.store.facts import read_fact, save_fact
from lungwise.store.film_store import FilmStore
from lungwise.store.key_record import require_keys
from lungwise.store.keys import EncryptionError, MissingKeyError
from lungwise.store.manifest import BackupError, BackupWriter, check_manifest, content
from lungwise.store.named_files import is_named, named_files

_BATCH_SIZE = 500
_SCHEMA = "schema.json"
_LAST, _ARRIVED = "last backup", "last arrival"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmCheck:
    """What `check_films` found: how many films the database has, and those that are wrong."""

    films: int = 0
    missing: list[tuple[str, str]] = field(default_factory=list)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    left_over: list[tuple[str, str]] = field(default_factory=list)

    @property
    def wrong(self) -> dict[str, list[tuple[str, str]]]:
        """What is wrong, by its name."""
        return {"missing": self.missing, "damaged": self.damaged}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What `back_up` wrote: the file, how many films it holds, those that it lacks, and which clinic came last."""

    file: Path
    films: int
    lost: list[tuple[str, str]]
    arrival: str


def check_films(database: Database, store: FilmStore) -> FilmCheck:
    """Compare the films of the database with the films of the store, byte for byte, while the service goes on.

    Raises
    ------
    OSError
        If the store does not say what it has.
    """
    stored = set(store.films())
    with database.reading() as session:
        known = named_files(session)
    found = FilmCheck(films=len(known), left_over=sorted(stored - set(known)))
    for film in known:
        if not _is_whole(store, *film) and _is_still_named(database, film):
            (found.damaged if store.holds(*film) else found.missing).append(film)
    return found


def back_up(database: Database, store: FilmStore, file: Path) -> Backup:
    """Write a backup of one moment. The keys are not in it.

    Films never change, so those of that moment are still there when they are copied; one that a doctor deletes
    meanwhile is left out. Where a film is lost, the others are written; a backup that lacks one replaces no other, but
    lies beside it as FILE.incomplete.

    Raises
    ------
    OSError
        If the file cannot be written, or the store does not give its films. An older file stays as it was.
    """
    films, lost = 0, []
    incomplete = file.with_name(f"{file.name}.incomplete")
    with (
        database.snapshot() as session,
        written_whole(incomplete) as out,
        tarfile.open(fileobj=out, mode="w") as archive,
    ):
        backup = BackupWriter(archive, database.keys)
        backup.add(_SCHEMA, json.dumps(_schema(session)).encode())
        for table in Base.metadata.sorted_tables:
            backup.add(f"tables/{table.name}.jsonl", _dump(session, as_stored(table)))
        for film in named_files(session):
            try:
                backup.add("films/{}/{}".format(*film), store.encrypted(*film))
                films += 1
            except MissingKeyError:
                raise
            except (FileNotFoundError, EncryptionError):
                if _is_still_named(database, film):
                    lost.append(film)
        backup.finish()
        arrival = last_arrival(session)
    if lost and file.exists():
        return Backup(file=incomplete, films=films, lost=lost, arrival=arrival)
    incomplete.replace(file)
    sync_folder(file.parent)
    return Backup(file=file, films=films, lost=lost, arrival=arrival)


def note_backup(session: Session, at: datetime, arrival: str) -> None:
    """Keep that a backup holds everything that was there at a moment, with the clinics that had come by an arrival."""
    save_fact(session, _LAST, f"{at.isoformat()} {arrival}")


def last_backup(session: Session, now: datetime) -> datetime | None:
    """Return the moment that the last backup holds; None where there is none.

    None counts where a clinic has come since: its rows keep their times, which are earlier. Nor does one whose moment
    is still to come: a clock that ran ahead wrote it.
    """
    at, _, arrival = read_fact(session, _LAST).partition(" ")
    if not at or arrival != last_arrival(session):
        return None
    moment = datetime.fromisoformat(at)
    return moment if moment <= now else None


def note_arrival(session: Session) -> None:
    """Keep that a clinic has come, which no backup holds yet."""
    save_fact(session, _ARRIVED, new_key())


def last_arrival(session: Session) -> str:
    """Return which arrival of a clinic was the last; empty where none has come."""
    return read_fact(session, _ARRIVED)


def restore_from(session: Session, store: FilmStore, file: Path) -> int:
    """Fill an empty database and store from a backup, and return how many films it held.

    A database without accounts and clinics is empty: what a service wrote that was started before is deleted.

    Raises
    ------
    BackupError
        If the database has accounts or clinics already, or the file is not a backup, is from a release with another
        schema, does not agree with its manifest, or its keys are missing.
    """
    _require_empty(session)
    films = 0
    try:
        with tarfile.open(file) as archive:
            _check_schema(session, json.loads(content(archive, _SCHEMA)))
            check_manifest(archive, keys_of(session))
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(delete(table))
            for table in Base.metadata.sorted_tables:
                _load(session, as_stored(table), content(archive, f"tables/{table.name}.jsonl"))
            require_keys(session)
            for context in misplaced_values(session):
                raise BackupError(f"{file} does not open: {context} was changed or moved.")
            for member in archive:
                if member.name.startswith("films/"):
                    _put(store, member.name, content(archive, member.name))
                    films += 1
            plain_films.refuse(session)  # no film of a backup is plain
    except EncryptionError as error:
        raise BackupError(f"{file} does not open. {error}") from error
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise BackupError(f"{file} is not a whole backup of Lungwise.") from error
    return films


def _require_empty(session: Session) -> None:
    for name, rows in {"users": "accounts", "clinics": "clinics"}.items():
        if session.scalar(select(func.count()).select_from(Base.metadata.tables[name])):
            raise BackupError(
                f"This installation is not empty: there are {rows}. Restore into a new data folder or a new database."
            )


def _schema(session: Session) -> list[str]:
    return sorted(MigrationContext.configure(session.connection()).get_current_heads())


def _check_schema(session: Session, schema: list[str]) -> None:
    if schema != _schema(session):
        raise BackupError(
            f"This backup was made by a release with another schema ({', '.join(schema)}). "
            "Restore it with that release, and upgrade afterwards."
        )


def misplaced_values(session: Session) -> Iterator[str]:
    """Decrypt every encrypted value, and yield the contexts of those that were changed or moved."""
    for table in Base.metadata.sorted_tables:
        for column in encrypted_columns(table):
            query = select(row_key_of(column), column).where(column.is_not(None))
            for row_key, value in session.execute(query.execution_options(yield_per=_BATCH_SIZE)):
                try:
                    value.decrypt(context_of(column, row_key))
                except MissingKeyError:
                    raise
                except EncryptionError:
                    yield context_of(column, row_key)


def _is_whole(store: FilmStore, study: str, name: str) -> bool:
    try:
        store.get(study, name)
    except (FileNotFoundError, EncryptionError):
        return False
    return True


def _is_still_named(database: Database, film: tuple[str, str]) -> bool:
    """Ask anew whether a row names a film whose file was not found: it may have been deleted a moment ago."""
    with database.reading() as session:
        return is_named(session, *film)


def _dump(session: Session, table: Table) -> bytes:
    rows = session.execute(select(table).execution_options(yield_per=_BATCH_SIZE))
    return b"".join(json.dumps([_encoded(value) for value in row], ensure_ascii=False).encode() + b"\n" for row in rows)


def _encoded(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime | date) else value


def _load(session: Session, table: Table, data: bytes) -> None:
    columns = list(table.columns)
    for chunk in _chunks(data.splitlines()):
        rows = [
            {column.name: _decoded(column.type, value) for column, value in zip(columns, json.loads(line), strict=True)}
            for line in chunk
        ]
        session.execute(insert(table), rows)


def _chunks(lines: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(lines), _BATCH_SIZE):
        yield lines[start : start + _BATCH_SIZE]


def _decoded(kind: TypeEngine[object], value: object) -> object:
    if not isinstance(value, str):
        return value
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value)
    if isinstance(kind, Moment):
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if isinstance(kind, Date) else value


def _put(store: FilmStore, path: str, data: bytes) -> None:
    _films_folder, study, name = path.split("/")
    store.put_encrypted(study, name, data)
