"""Seal everything anew with the first key, batch by batch: what is done stays done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Select, Table, bindparam, func, or_, select, type_coerce, update
from sqlalchemy.orm import Session

from lungwise.store.database import Base, Database
from lungwise.store.film_store import FilmStore
from lungwise.store.keys import HEADER
from lungwise.store.sealing import keys_of, sealed_columns

BATCH = 200
"""Rows of one transaction: enough to be quick, few enough that nobody waits for the write lock."""


def count_stale_rows(session: Session) -> int:
    """Count the rows with anything that the first key did not seal."""
    return sum(session.scalar(_stale(session, table, func.count())) or 0 for table in _sealed_tables())


def reseal_rows(database: Database) -> Iterator[int]:
    """Seal the rows anew, and give the number of each batch."""
    for table in _sealed_tables():
        last: int | None = 0
        while last is not None:
            with database.writing() as session:
                done, last = _reseal_batch(session, table, last)
            yield done


def stale_films(store: FilmStore) -> Iterator[tuple[str, str]]:
    """Walk over the films that lie plain or sealed with another key."""
    return (film for film in store.films() if store.is_stale(*film))


def reseal_films(database: Database, store: FilmStore) -> Iterator[None]:
    """Seal the films anew, one by one."""
    with database.reading() as session:
        known = _studies(session)
    for study, name in stale_films(store):
        try:
            store.reseal(study, name)
        except FileNotFoundError:
            continue  # deleted meanwhile
        if study in known:
            _delete_again_if_deleted(database, store, study)
        yield


def _delete_again_if_deleted(database: Database, store: FilmStore, study: str) -> None:
    """Writing a film back must not undo a doctor's deletion that came in between."""
    with database.reading() as session:
        if not _studies(session, study):
            store.delete(study)


def _studies(session: Session, key: str | None = None) -> set[str]:
    studies = Base.metadata.tables["studies"]
    query = select(studies.c.key)
    return set(session.scalars(query if key is None else query.where(studies.c.key == key)))


def _sealed_tables() -> list[Table]:
    return [table for table in Base.metadata.sorted_tables if sealed_columns(table)]


def _reseal_batch(session: Session, table: Table, after: int) -> tuple[int, int | None]:
    (number,) = table.primary_key.columns
    columns = sealed_columns(table)
    query = _stale(session, table, number, *columns).where(number > after).order_by(number).limit(BATCH)
    rows = session.execute(query.with_for_update()).all()
    if not rows:
        return 0, None
    names = ["row_number", *(f"new_{column.name}" for column in columns)]
    values = {column: bindparam(f"new_{column.name}", type_=column.type) for column in columns}
    change = update(table).where(number == bindparam("row_number")).values(values)
    session.connection().execute(change, [dict(zip(names, row, strict=True)) for row in rows])
    return len(rows), rows[-1][0]


def _stale(session: Session, table: Table, *wanted: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    header = keys_of(session).header
    kept = [type_coerce(column, LargeBinary) for column in sealed_columns(table)]
    stale = [func.substr(column, 1, HEADER, type_=LargeBinary) != header for column in kept]
    return select(*wanted).select_from(table).where(or_(*stale))
