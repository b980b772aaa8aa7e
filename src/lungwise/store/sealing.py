"""Columns that hold what identifies a patient: sealed in the database, plain in Python."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Dialect, Engine, LargeBinary, MetaData, Table
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from lungwise.store.keys import Keys

T = TypeVar("T")
_KEYS: WeakKeyDictionary[Dialect, Keys] = WeakKeyDictionary()
# A column's type is shared by all engines and is told the dialect alone; each engine has its own.


def use_keys(engine: Engine, keys: Keys) -> None:
    """Let an engine seal and open with these keys."""
    _KEYS[engine.dialect] = keys


def keys_of(session: Session) -> Keys:
    """Give the keys of a session's database."""
    return _KEYS[session.get_bind().dialect]


class Sealed(TypeDecorator[T]):
    """A value sealed for one column: `about` names it, and a value copied into another column does not open."""

    impl = LargeBinary

    def __init__(self, about: str) -> None:
        super().__init__()
        self.about = about

    def process_bind_param(self, value: T | None, dialect: Dialect) -> bytes | None:
        """Seal on the way in."""
        return None if value is None else _KEYS[dialect].seal(self._plain(value), self.about)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> T | None:
        """Open on the way out."""
        return None if value is None else self._rich(_KEYS[dialect].open(bytes(value), self.about))

    def _plain(self, value: T) -> bytes:
        raise NotImplementedError

    def _rich(self, data: bytes) -> T:
        raise NotImplementedError


class SealedText(Sealed[str]):
    """A sealed text."""

    cache_ok = True

    def _plain(self, value: str) -> bytes:
        return value.encode()

    def _rich(self, data: bytes) -> str:
        return data.decode()


class SealedDate(Sealed[date]):
    """A sealed date."""

    cache_ok = True

    def _plain(self, value: date) -> bytes:
        return value.isoformat().encode()

    def _rich(self, data: bytes) -> date:
        return date.fromisoformat(data.decode())


def sealed_columns(table: Table) -> list[Column[Any]]:
    """List the sealed columns of a table."""
    return [column for column in table.columns if isinstance(column.type, Sealed)]


def unopened(table: Table) -> Table:
    """Give a table whose sealed columns are read and written as they lie in the database."""
    copy = table.to_metadata(MetaData())
    for column in sealed_columns(copy):
        column.type = LargeBinary()
    return copy
