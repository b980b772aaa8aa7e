"""Rows of a clinic as a package has them: plain JSON, with nothing that only the source's keys or numbers mean."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    select,
)
from sqlalchemy.orm import Session

from lungwise.moving.tables import is_of_clinic
from lungwise.store import Encrypted, Moment
from lungwise.store.encryption import PlainValue, context_of

AT_ONCE = 200
"""Rows of one part."""
PAUSED = "paused"
"""The state of a job of a closed clinic: no worker claims it, and where the clinic is open again it is queued."""
Values = dict[str, Any]


def as_kept(table: Table) -> Table:
    """Return a table whose JSON and lists are read and written as they are kept, so that nothing changes on the way."""
    copy = table.to_metadata(MetaData())
    for column in copy.columns:
        if _is_translated(column):
            column.type = Text()
    return copy


def rows_of(session: Session, table: Table, clinic_id: int) -> Iterator[list[Values]]:
    """Yield a clinic's rows of a table, some at a time, in the order of their keys."""
    kept = as_kept(table)
    query = select(kept).where(is_of_clinic(table, clinic_id, kept)).order_by(*kept.primary_key.columns)
    found = session.execute(query.execution_options(yield_per=AT_ONCE))
    for part in found.mappings().partitions():
        yield [{column.name: _said(column, row) for column in kept.columns} for row in part]


def in_lines(rows: Iterable[Values]) -> bytes:
    """Write rows as lines of JSON."""
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def from_lines(data: bytes) -> list[Values]:
    """Read rows from lines of JSON."""
    return [json.loads(line) for line in data.split(b"\n") if line]


def meant(table: Table, said: Mapping[str, Any]) -> Values:
    """Return a row's values for this database: what is encrypted is encrypted with its keys, bound to its row."""
    return {column.name: _meant(column, said) for column in table.columns}


def _is_translated(column: Column[Any]) -> bool:
    """Return whether a column's type makes something else of what is kept, as JSON does and lists."""
    own = isinstance(column.type, Encrypted | Moment)
    return isinstance(column.type, JSON) or (isinstance(column.type, TypeDecorator) and not own)


def _said(column: Column[Any], row: Mapping[Any, Any]) -> object:
    value = row[column.name]
    if value is None:
        return None
    if isinstance(column.type, Encrypted):
        return base64.b64encode(value.decrypt(context_of(column, row[column.type.row_key]))).decode()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime | date) else value


def _meant(column: Column[Any], said: Mapping[str, Any]) -> object:
    value = said[column.name]
    if value is None:
        return None
    if isinstance(column.type, Encrypted):
        plain = base64.b64decode(value)
        return PlainValue(plain=plain, context=context_of(column, said[column.type.row_key]))
    if isinstance(column.type, LargeBinary):
        return base64.b64decode(value)
    if isinstance(column.type, Moment):
        return datetime.fromisoformat(value)
    if isinstance(column.type, Date):
        return date.fromisoformat(value)
    return bool(value) if isinstance(column.type, Boolean) else value
