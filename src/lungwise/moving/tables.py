"""Which rows are a clinic's, and which of them move with it; read from the models, so that a new table needs no line.

A table whose rows lead to a clinic by foreign keys moves, unless it is named in `LEFT_BEHIND`. One that leads to none
must be named in `OF_THE_INSTALLATION`, with why: a test holds every table to that.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, or_, select

from lungwise.store import Base
from lungwise.store.lease_queue import Leased

CLINICS = "clinics"
LEFT_BEHIND = {
    "sign_ins": "a browser's session is signed with the installation's own secret key: everyone signs in again",
    "invitations": "an invitation's link is signed with the installation's own secret key: invite again",
    "hl7_messages": "they are known by hashes with the installation's keys; none waits, see `TO_BE_SETTLED`",
    "shadow_readings": "a second model is the installation's trial, and no doctor sees what it reads",
}
"""Tables of a clinic whose rows end with the move, and why."""
TO_BE_SETTLED = {
    "hl7_messages": (
        "failed",
        "HL7 messages that {clinic} has acknowledged wait for an administrator, and do not move. An administrator of "
        "the clinic applies or drops each of them, on the page behind their number above the worklist",
    )
}
"""Tables that are left behind, the state of rows that would be lost so, and what to do about these before."""
OF_THE_INSTALLATION = {
    "facts": "facts about the installation",
    "sealing_keys": "names of the installation's keys",
    "audit_entries": "one chain of all clinics: a clinic's entries move by a way of their own, see audit.moved_entries",
    "audit_head": "the end of the installation's chain",
    "audit_keys": "secrets of the installation's chain",
    "mails": "a mail that waits is sent from where it was written",
    "mail_limits": "hashes of addresses, for hours",
    "failures": "hashes of names, for hours",
    "models_in_use": "which model the installation reads with",
    "shadow_models": "which second model the installation tries",
}
"""Tables that are no clinic's, and why."""
NUMBERS_WITHOUT_KEY = {
    ("threshold_sets", "proposer_id"): "users",
    ("threshold_sets", "decider_id"): "users",
    ("patient_changes", "cause_id"): "patients",
    ("alarms", "result"): "reference_results",
}
"""Columns that hold a row's number without a foreign key, and the table of that row."""
ONLY_WHERE: dict[tuple[str, str], tuple[str, frozenset[str]]] = {("alarms", "result"): ("sort", frozenset({"answers"}))}
"""Columns that hold no row's number where another column has one of some values: of answers it is a day."""
KEYED_INDEXES = {
    *(("patients", "identifier_index"), ("patients", "identity_index"), ("films", "accession_index")),
    *(("orders", "accession_index"), ("orders", "placer_index")),
}
"""Blind indexes, which the target makes anew with its own keys: see `cli.clinics`."""


class UnassignedTableError(Exception):
    """A table leads to no clinic and is not named as the installation's own."""


@cache
def tables_of_clinic() -> tuple[Table, ...]:
    """List the tables with rows of a clinic, each after those that it refers to.

    Raises
    ------
    UnassignedTableError
        If a table is neither a clinic's nor the installation's.
    """
    found = [table for table in Base.metadata.sorted_tables if table.name not in OF_THE_INSTALLATION]
    for table in found:
        if table.name != CLINICS and not ways_to_clinic(table):
            raise UnassignedTableError(f"{table.name} leads to no clinic: name it in moving.tables.")
    return tuple(_after_what_they_refer_to(found))


def moved_tables() -> list[Table]:
    """List the tables that move, each after those that it refers to."""
    return [table for table in tables_of_clinic() if table.name not in LEFT_BEHIND]


@cache
def ways_to_clinic(table: Table) -> tuple[Column[Any], ...]:
    """Return the columns by which a row is a clinic's: its clinic, or else the rows that it cannot be without."""
    keys = [column for column in table.columns if _referred(column) not in (None, table)]
    direct = [column for column in keys if _name_referred(column) == CLINICS]
    if direct:
        return tuple(direct)
    leading = [column for column in keys if _leads_to_clinic(column)]
    return tuple([column for column in leading if not column.nullable] or leading)


def is_of_clinic(table: Table, clinic_id: int, copy: Table | None = None) -> ColumnElement[bool]:
    """Return the condition that a row is a clinic's, of a table or of a copy with other types."""
    asked = table if copy is None else copy
    if table.name == CLINICS:
        return asked.c.id == clinic_id
    return or_(*(_leads_to(asked.c[way.name], _referred(way), clinic_id) for way in ways_to_clinic(table)))


def references(table: Table) -> dict[str, str]:
    """Return the columns that hold numbers of rows that move, and the tables of these."""
    moving = {one.name for one in moved_tables()}
    return {column: to for column, to in _all_references(table).items() if to in moving}


def to_itself(table: Table) -> list[Column[Any]]:
    """List the columns that refer to rows of the same table, which may come later."""
    return [column for column in table.columns if _referred(column) is table]


@cache
def states_of_queues() -> dict[str, str]:
    """Return each queue of a clinic, by its table, and what it calls a job that somebody works on."""
    mapped = (mapper.class_ for mapper in Base.registry.mappers)
    queues = {one.__tablename__: one.running for one in mapped if issubclass(one, Leased)}
    return {table.name: str(queues[table.name]) for table in tables_of_clinic() if table.name in queues}


def _all_references(table: Table) -> dict[str, str]:
    by_key = {column.name: _name_referred(column) for column in table.columns if column.foreign_keys}
    return by_key | {column: to for (name, column), to in NUMBERS_WITHOUT_KEY.items() if name == table.name}


def _after_what_they_refer_to(tables: list[Table]) -> list[Table]:
    """Sort tables so that each comes after those whose rows' numbers it holds, with a foreign key or without."""
    left, done = {table.name: table for table in tables}, list[Table]()
    while left:
        waits = {name for name, table in left.items() if (set(_all_references(table).values()) & left.keys()) - {name}}
        ready = [table for name, table in left.items() if name not in waits]
        if not ready:
            raise UnassignedTableError(f"These tables refer to each other in a circle: {', '.join(sorted(left))}.")
        done += ready
        left = {name: left[name] for name in left if name in waits}
    return done


def _leads_to(column: Column[Any], parent: Table | None, clinic_id: int) -> ColumnElement[bool]:
    if parent is None or parent.name == CLINICS:
        return column == clinic_id
    return column.in_(select(parent.c.id).where(is_of_clinic(parent, clinic_id)))


def _leads_to_clinic(column: Column[Any]) -> bool:
    parent = _referred(column)
    return parent is not None and parent.name not in OF_THE_INSTALLATION and bool(ways_to_clinic(parent))


def _referred(column: Column[Any]) -> Table | None:
    return next((key.column.table for key in column.foreign_keys), None)


def _name_referred(column: Column[Any]) -> str:
    parent = _referred(column)
    return "" if parent is None else parent.name
