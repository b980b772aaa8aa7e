"""Columns that hold what identifies a patient: encrypted in the database, plain in Python, each bound to its row.

A column of the type `Encrypted` knows the keys and not its row; an `EncryptedText` or `EncryptedDate` of the mapped
class, which has the plain name, knows the row:

    key: Mapped[str] = mapped_column(String(20), unique=True)
    name_encrypted: Mapped[Value] = mapped_column("name", Encrypted())
    name = EncryptedText("name_encrypted")

A value can be decrypted only in its own table, column and row: that is its context. The row is named by a column that
is set before the row is written and never changes: `key`, unless `Encrypted(row_key=...)` names another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Generic, Self, TypeVar, overload
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Dialect, Engine, LargeBinary, MetaData, Table, inspect
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from lungwise.store.keys import Keys

T = TypeVar("T")
_KEYS: WeakKeyDictionary[Dialect, Keys] = WeakKeyDictionary()
# A column's type is shared by all engines and learns only the dialect; each engine has its own.
_PADDING_BYTES = 16
"""Values are padded to a multiple of this, so that a name's exact length does not show."""


def use_keys(engine: Engine, keys: Keys) -> None:
    """Let an engine encrypt and decrypt with these keys."""
    _KEYS[engine.dialect] = keys


def keys_of(session: Session) -> Keys:
    """Return the keys of a session's database."""
    return _KEYS[session.get_bind().dialect]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainValue:
    """A value that is encrypted for a context when it is written. It must not end in NUL, which pads it."""

    plain: bytes = field(repr=False)
    context: str

    def decrypt(self, context: str) -> bytes:
        """Return the plain value, if this is its context."""
        if context != self.context:
            raise ValueError(f"A value for {self.context} does not belong at {context}.")
        return self.plain

    def encrypted(self, keys: Keys) -> bytes:
        """Return the value as its column holds it."""
        return keys.encrypt(self.plain + bytes(-len(self.plain) % _PADDING_BYTES), self.context)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedValue:
    """A value as it was read from its column, with the keys that may decrypt it; it is decrypted once."""

    value: bytes
    keys: Keys = field(repr=False, compare=False)
    _plain: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    def decrypt(self, context: str) -> bytes:
        """Return the plain value, if this is its context.

        Raises
        ------
        EncryptionError
            If its key is missing, it was changed, or it belongs to another context.
        """
        if context not in self._plain:
            self._plain[context] = self.keys.decrypt(self.value, context).rstrip(b"\0")
        return self._plain[context]

    def encrypted(self, _keys: Keys) -> bytes:
        """Return the value as its column holds it."""
        return self.value


Value = PlainValue | EncryptedValue


class Encrypted(TypeDecorator[Value]):
    """The type of a column of encrypted values; `row_key` names the column that names the row."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, row_key: str = "key") -> None:
        super().__init__()
        self.row_key = row_key

    def process_bind_param(self, value: Value | None, dialect: Dialect) -> bytes | None:
        """Encrypt on the way in."""
        return None if value is None else value.encrypted(_KEYS[dialect])

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> EncryptedValue | None:
        """Decrypt later, where the row is known."""
        return None if value is None else EncryptedValue(value=bytes(value), keys=_KEYS[dialect])


class _EncryptedAttribute(Generic[T]):
    """The plain value of a mapped class, kept encrypted by another attribute's column."""

    def __init__(self, attribute: str) -> None:
        self._attribute = attribute
        self._columns: dict[type, Column[Any]] = {}

    @overload
    def __get__(self, row: None, owner: type) -> Self: ...
    @overload
    def __get__(self, row: object, owner: type) -> T: ...
    def __get__(self, row: object | None, owner: type) -> Self | T:
        """Decrypt the row's value."""
        if row is None:
            return self
        value: Value | None = getattr(row, self._attribute)
        return self._from_bytes(None if value is None else value.decrypt(self._context(row)))

    def __set__(self, row: object, plain: T) -> None:
        """Set a plain value, which is encrypted when the row is written; an equal value changes nothing."""
        data, stored = self._to_bytes(plain), getattr(row, self._attribute)
        if data is None or stored is None or stored.decrypt(self._context(row)) != data:
            setattr(row, self._attribute, None if data is None else PlainValue(plain=data, context=self._context(row)))

    def _context(self, row: object) -> str:
        column = self._column(type(row))
        row_key = getattr(row, row_key_of(column).key)
        if row_key is None:
            raise ValueError(f"Set a {column.table.name} row's {row_key_of(column).key} first.")
        return context_of(column, row_key)

    def _column(self, mapped: type) -> Column[Any]:
        if mapped not in self._columns:
            self._columns[mapped] = inspect(mapped).columns[self._attribute]
        return self._columns[mapped]

    def _to_bytes(self, plain: T) -> bytes | None:
        raise NotImplementedError

    def _from_bytes(self, data: bytes | None) -> T:
        raise NotImplementedError


class EncryptedText(_EncryptedAttribute[str]):
    """An encrypted text."""

    def _to_bytes(self, plain: str) -> bytes:
        return plain.encode()

    def _from_bytes(self, data: bytes | None) -> str:
        return (data or b"").decode()


class EncryptedBytes(_EncryptedAttribute[bytes]):
    """Encrypted bytes, which do not end in NUL: a picture's never do."""

    def _to_bytes(self, plain: bytes) -> bytes:
        return plain

    def _from_bytes(self, data: bytes | None) -> bytes:
        return data or b""


class EncryptedDate(_EncryptedAttribute[date | None]):
    """An encrypted date, or none."""

    def _to_bytes(self, plain: date | None) -> bytes | None:
        return None if plain is None else plain.isoformat().encode()

    def _from_bytes(self, data: bytes | None) -> date | None:
        return None if data is None else date.fromisoformat(data.decode())


def row_key_of(column: Column[Any]) -> Column[str]:
    """Return the column that names the row of an encrypted one."""
    kind: Any = column.type
    named: Column[str] = column.table.columns[kind.row_key]
    return named


def context_of(column: Column[Any], row_key: str) -> str:
    """Return the context of a value: its table, its column and its row."""
    return f"{column.table.name}.{column.name} {row_key}"


def encrypted_columns(table: Table) -> list[Column[Any]]:
    """List the encrypted columns of a table."""
    return [column for column in table.columns if isinstance(column.type, Encrypted)]


def as_stored(table: Table) -> Table:
    """Return a table whose encrypted columns are read and written as they are stored."""
    copy = table.to_metadata(MetaData())
    for column in encrypted_columns(copy):
        column.type = LargeBinary()
    return copy
