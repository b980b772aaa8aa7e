"""Every table is a clinic's or the installation's, and nothing in it means something only at the source."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Column, Integer, MetaData, Table

import lungwise.wiring  # noqa: F401 - loads every model
from lungwise.moving import tables
from lungwise.moving.tables import (
    KEYED_INDEXES,
    LEFT_BEHIND,
    NUMBERS_WITHOUT_KEY,
    OF_THE_INSTALLATION,
    UnassignedTableError,
    moved_tables,
    references,
    tables_of_clinic,
    ways_to_clinic,
)
from lungwise.store import Base


def test_every_table_is_a_clinics_or_named_as_the_installations() -> None:
    """A new table that leads to no clinic fails here: say in `moving.tables` whose it is."""
    known = {table.name for table in tables_of_clinic()} | set(OF_THE_INSTALLATION)
    assert known == set(Base.metadata.tables)
    assert set(LEFT_BEHIND) <= {table.name for table in tables_of_clinic()}


def test_a_table_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = MetaData()
    Table("strays", metadata, Column("id", Integer, primary_key=True))

    class Other:
        pass

    Other.metadata = metadata  # type: ignore[attr-defined]
    monkeypatch.setattr(tables, "Base", Other)
    tables_of_clinic.cache_clear()
    try:
        with pytest.raises(UnassignedTableError, match="strays leads to no clinic"):
            tables_of_clinic()
    finally:
        tables_of_clinic.cache_clear()


def test_a_row_is_a_clinics_by_the_rows_that_it_cannot_be_without() -> None:
    ways = {table.name: {column.name for column in ways_to_clinic(table)} for table in moved_tables()}
    assert ways["studies"] == {"clinic_id"}
    assert ways["films"] == {"study_id"}
    assert ways["idempotency_keys"] == {"token_id", "user_id"}


def test_a_table_comes_after_those_that_it_refers_to() -> None:
    done: set[str] = set()
    for table in moved_tables():
        assert set(references(table).values()) <= done | {table.name}
        done.add(table.name)


@pytest.mark.parametrize("table", moved_tables(), ids=lambda table: table.name)
def test_a_moved_table_refers_to_nothing_that_stays(table: Table) -> None:
    moving = {one.name for one in moved_tables()}
    keys = {key for column in table.columns for key in column.foreign_keys}
    assert {key.column.table.name for key in keys} <= moving


@pytest.mark.parametrize("table", moved_tables(), ids=lambda table: table.name)
def test_numbers_and_indexes_of_the_source_are_named(table: Table) -> None:
    """A column `*_id` of numbers without a foreign key, or a blind index, must be named to be written anew."""
    for column in table.columns:
        if column.name.endswith("_id") and isinstance(column.type, Integer) and not column.foreign_keys:
            assert (table.name, column.name) in NUMBERS_WITHOUT_KEY
        if re.search("_index$", column.name):
            assert (table.name, column.name) in KEYED_INDEXES
