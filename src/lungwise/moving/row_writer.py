"""Rows of a package are written here: under new numbers, which refer to each other as the old ones did."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, insert, update
from sqlalchemy.orm import Session

from lungwise.accounts.second_factor_keys import SecondFactorKeys
from lungwise.moving.package import MoveError
from lungwise.moving.rows import PAUSED, Values, as_kept, meant
from lungwise.moving.tables import (
    CLINICS,
    KEYED_INDEXES,
    ONLY_WHERE,
    moved_tables,
    references,
    states_of_queues,
    to_itself,
)
from lungwise.store.lease_queue import QUEUED

_STALE = "moved   "
"""Stands for the name of a key in an index that is still the source's."""


class RowWriter:
    """Writes the rows of one clinic, table after table.

    It holds the old and the new number of every row that others refer to: some 100 bytes each.
    """

    def __init__(self, session: Session, second_factors: SecondFactorKeys) -> None:
        self._session = session
        self._second_factors = second_factors
        self._tables = {table.name: table for table in moved_tables()}
        self._kept = {name: as_kept(table) for name, table in self._tables.items()}
        self._referred = {to for table in moved_tables() for to in references(table).values()}
        self._numbers: defaultdict[str, dict[int, int]] = defaultdict(dict)
        self._later: list[tuple[Table, str, int, int]] = []
        self.counts: dict[str, int] = {}

    def numbers(self, table: str) -> Mapping[int, int]:
        """Return the new numbers of a table's rows by their old ones; it fills as rows are written."""
        return self._numbers[table]

    @property
    def clinic_id(self) -> int:
        """The new number of the clinic, which comes first."""
        return next(iter(self._numbers[CLINICS].values()))

    def add(self, name: str, rows: list[Values]) -> None:
        """Write some rows of a table; they come in the order of their old numbers, and keep it."""
        if name not in self._tables:
            raise MoveError(f"This release has no table {name} that moves. Export the clinic again.")
        ready = [self._ready(self._tables[name], row) for row in rows]
        if name in self._referred:
            for old, row in zip(rows, ready, strict=True):
                self._write_one(name, old, row)
        else:
            self._session.execute(insert(self._kept[name]), ready)
        self.counts[name] = self.counts.get(name, 0) + len(rows)

    def finish(self) -> None:
        """Let rows refer to others of their table, which may have come after them."""
        for table, column, row, old in self._later:
            to = self._numbers[table.name].get(old)
            self._session.execute(update(table).where(table.c.id == row).values({column: to}))

    def _write_one(self, name: str, old: Values, row: Values) -> None:
        table = self._kept[name]
        written = self._session.connection().execute(insert(table).values(row)).inserted_primary_key
        number = int(written[0]) if written else 0
        self._numbers[name][old["id"]] = number
        for own in to_itself(self._tables[name]):
            if old[own.name] is not None:
                self._later.append((self._tables[name], own.name, number, old[own.name]))

    def _ready(self, table: Table, said: Values) -> Values:
        row = meant(self._kept[table.name], said)
        own = {column.name for column in to_itself(table)}
        for column, to in references(table).items():
            if column in own:
                row[column] = None
            elif self._is_number(table, column, row):
                row[column] = self._new_number(to, row[column], nullable=bool(table.c[column].nullable))
        if "id" in row:
            del row["id"]
        return self._adapted(table.name, row)

    def _adapted(self, table: str, row: Values) -> Values:
        """Change what only the source's keys or workers meant."""
        for name, column in KEYED_INDEXES:
            if name == table and row[column]:
                row[column] = _STALE + row[column][len(_STALE) :]
        if table in states_of_queues() and row["state"] == PAUSED:
            row["state"] = QUEUED
        if table == "users" and row["tf_totp_secret"]:
            row["tf_totp_secret"] = self._second_factors.seal(row["tf_totp_secret"])
        return row

    def _is_number(self, table: Table, column: str, row: Mapping[str, Any]) -> bool:
        beside, excluded = ONLY_WHERE.get((table.name, column), ("", frozenset()))
        return row[column] is not None and not (beside and row[beside] in excluded)

    def _new_number(self, to: str, old: int, *, nullable: bool) -> int | None:
        """Return a row's new number. One that is gone becomes none, or the last before it where there must be one."""
        numbers = self._numbers[to]
        if old in numbers or nullable:
            return numbers.get(old)
        before = sorted(numbers)
        place = bisect_right(before, old)
        return numbers[before[place - 1]] if place else 0
