"""Encrypt everything again with the first key, batch by batch: what is done stays done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Select, Table, func, or_, select, type_coerce, update
from sqlalchemy.orm import Session

from lungwise.store import plain_films
from lungwise.store.database import Base, Database
from lungwise.store.encryption import PlainValue, context_of, encrypted_columns, keys_of, row_key_of
from lungwise.store.film_store import FilmStore
from lungwise.store.keys import HEADER, EncryptionError
from lungwise.store.named_files import folders

BATCH_SIZE = 200
"""Rows of one transaction: enough to be quick, few enough that nobody waits for the write lock."""


def count_stale_rows(session: Session) -> int:
    """Count the rows with anything that is not encrypted with the first key."""
    return sum(session.scalar(_stale(session, table, func.count())) or 0 for table in _encrypted_tables())


def reencrypt_rows(database: Database) -> Iterator[int]:
    """Encrypt the rows again, and yield the size of each batch."""
    for table in _encrypted_tables():
        last, done = None, BATCH_SIZE
        while done:
            with database.writing() as session:
                done, last = _reencrypt_batch(session, table, last)
            if done:
                yield done


def stale_films(store: FilmStore) -> Iterator[tuple[str, str]]:
    """Yield the films that are plain, or encrypted with another key."""
    return (film for film in store.films() if store.is_stale(*film))


def reencrypt_films(database: Database, store: FilmStore) -> Iterator[None]:
    """Encrypt the films again, one by one."""
    return _encrypt(database, store, stale_films(store))


def encrypt_plain_films(database: Database, store: FilmStore) -> Iterator[None]:
    """Encrypt the plain films from before there were keys, one by one, and read none from then on."""
    with database.reading() as session:
        if not plain_films.are_read(session):
            return
    yield from _encrypt(database, store, store.plain_films())
    with database.writing() as session:
        plain_films.refuse(session)


def _encrypt(database: Database, store: FilmStore, films: Iterable[tuple[str, str]]) -> Iterator[None]:
    """Encrypt films with the first key. One that cannot be decrypted stays as it is, and `db check` names it."""
    with database.reading() as session:
        known = folders(session)
    for study, name in films:
        try:
            store.reencrypt(study, name)
        except (FileNotFoundError, EncryptionError):
            continue  # deleted meanwhile, or damaged
        if study in known:
            _delete_again_if_deleted(database, store, study)
        yield


def _delete_again_if_deleted(database: Database, store: FilmStore, study: str) -> None:
    """Undo the writing of a film that was deleted meanwhile."""
    with database.reading() as session:
        if not folders(session, study):
            store.delete(study)


def _encrypted_tables() -> list[Table]:
    return [table for table in Base.metadata.sorted_tables if encrypted_columns(table)]


def _reencrypt_batch(session: Session, table: Table, after: Any) -> tuple[int, Any]:  # noqa: ANN401 - any primary key
    (number,) = table.primary_key.columns
    query = _stale(session, table, number, row_key_of(encrypted_columns(table)[0]), *encrypted_columns(table))
    query = query.order_by(number).limit(BATCH_SIZE).with_for_update()
    rows = session.execute(query if after is None else query.where(number > after)).all()
    for row in rows:
        session.execute(update(table).where(number == row[0]).values(_plain_values(table, row)))
    return len(rows), rows[-1][0] if rows else None


def _plain_values(table: Table, row: Sequence[Any]) -> dict[str, PlainValue]:
    """Return a row's values, which are encrypted with the first key when they are written."""
    row_key, values = row[1], row[2:]
    plain = {}
    for column, value in zip(encrypted_columns(table), values, strict=True):
        if value is not None:
            context = context_of(column, row_key)
            plain[column.name] = PlainValue(plain=value.decrypt(context), context=context)
    return plain


def _stale(session: Session, table: Table, *columns: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    header = keys_of(session).header
    stored = [type_coerce(column, LargeBinary) for column in encrypted_columns(table)]
    stale = [func.substr(column, 1, HEADER, type_=LargeBinary) != header for column in stored]
    return select(*columns).select_from(table).where(or_(*stale))
