"""A clinic with a row in every table that moves, and what it comes to when numbers and keys are left aside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from sqlalchemy import JSON, Boolean, Column, Date, Float, Integer, LargeBinary, Table, func, insert, select
from sqlalchemy.orm import Session

from conftest import Services
from dicom_files import dicom_bytes, film_dataset
from lungwise.access import Role
from lungwise.accounts.second_factor_keys import SecondFactorKeys
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.moving.closing import Closing
from lungwise.moving.rows import rows_of
from lungwise.moving.tables import KEYED_INDEXES, is_of_clinic, moved_tables, references
from lungwise.orders.order import PlacerNumber
from lungwise.patients.service import PatientFacts
from lungwise.receiving.duplicates import Difference
from lungwise.receiving.uploads import Upload
from lungwise.settings import Settings
from lungwise.store import Base, Database, Encrypted, FilmStore, Moment, new_key, utc_now
from lungwise.store.encryption import PlainValue, context_of
from lungwise.studies.service import Conclusion

CLINIC = "Hill"
Word = Callable[..., bytes]


def fill_clinic(services: Services, film: Word, name: str = CLINIC) -> str:
    """Fill a clinic; return a token that a program uses."""
    ada, bob = services.person(clinic=name), services.user("Bob", name, Role.DOCTOR)
    bob.tf_primary_method = "authenticator"
    bob.tf_totp_secret = SecondFactorKeys(services.settings).seal(TOTP)
    first = PatientFacts(identifier="7", name="Béla Bartók सुनीता", birth_date=date(1960, 1, 2))
    study = services.studies.open(ada, first, [("a", film(1)), ("b", film(2, 8))])
    services.studies.open(bob.person, replace(first, name="Clara"), [("c", film(3))])
    services.studies.open(ada, PatientFacts(identifier="8"), [("d", dicom_film())])
    services.read_all()
    services.studies.conclude(ada, study.key, Conclusion(agrees=True, note="line\nline"))
    key, other = new_key(), film(4)
    services.store.put(key, other)
    held = services.studies.recording.held
    held.hold(ada, key, Upload(data=other, kind="JPEG"), study.films[0], Difference.PIXELS, "CR1")
    services.studies.open(ada, PatientFacts(), [("waits", film(5))])
    _token, text = Tokens(services.session, services.clock, services.audit).add(ada, "script", [Scope.UPLOAD], 30)
    _fill_the_rest(services, ada.clinic_id)
    services.session.commit()
    return text


ANY_TEXT = "जी"
TOTP = '{"key":"CHBFRK2VJIUQLQBY476P6P2HVAK2ENFG","type":"totp","v":1}'


def dicom_film() -> bytes:
    """Draw a film with an accession number."""
    words = np.random.default_rng(3).integers(0, 4000, (64, 64), dtype=np.uint16)
    return dicom_bytes(film_dataset(words, AccessionNumber="A-77", PatientID="8"))


def close(database: Database, name: str = CLINIC) -> None:
    """Close a clinic for writing, as an export does."""
    database.transact(lambda session: _closing(session).close(name))


def remove(database: Database, settings: Settings, name: str = CLINIC) -> None:
    """Remove a clinic that was closed, as if it had moved."""

    def removed(session: Session) -> None:
        closing = _closing(session)
        closing.expect(closing.named(name).id, "receipt")
        closing.remove(name, "receipt", FilmStore(settings), settings)

    database.transact(removed)


def _closing(session: Session) -> Closing:
    return Closing(session, utc_now, AuditTrail(session, utc_now))


def comes_to(session: Session, name: str = CLINIC) -> dict[str, list[dict[str, Any]]]:
    """Return every row of a clinic that moves, with places in their tables for numbers."""
    clinics = Base.metadata.tables["clinics"]
    clinic = session.execute(select(clinics.c.id).where(clinics.c.name == name)).scalar_one()
    rows = {table.name: [row for part in rows_of(session, table, clinic) for row in part] for table in moved_tables()}
    places = {
        table: {row["id"]: place for place, row in enumerate(found) if "id" in row} for table, found in rows.items()
    }
    return {table.name: [_without_numbers(table, row, places) for row in rows[table.name]] for table in moved_tables()}


def count(session: Session, table: Table, clinic: int) -> int:
    """Count a clinic's rows of a table."""
    return session.scalar(select(func.count()).select_from(table).where(is_of_clinic(table, clinic))) or 0


def _without_numbers(table: Table, row: dict[str, Any], places: dict[str, dict[int, int]]) -> dict[str, Any]:
    said = {name: value for name, value in row.items() if name != "id" and (table.name, name) not in KEYED_INDEXES}
    for column, to in references(table).items():
        said[column] = places[to].get(said[column], said[column])
    said.pop("tf_totp_secret", None)
    return (
        said
        | ({"state": "queued"} if said.get("state") == "paused" else {})
        | ({"claim": ""} if "claim" in said else {})
    )


def _fill_the_rest(services: Services, clinic: int) -> None:
    for table in moved_tables():
        if count(services.session, table, clinic) == 0:
            row = _any_row(services.session, table, clinic)
            if {"key", "sha256", "clinic_id"} <= row.keys():
                row["sha256"] = services.store.put(row["key"], b"an object")
            services.session.execute(insert(table), row)


def _any_row(session: Session, table: Table, clinic: int) -> dict[str, Any]:
    key = new_key()
    return {
        column.name: _any_value(session, table, column, clinic, key)
        for column in table.columns
        if column.name != "id" or column.foreign_keys
    }


def _any_value(session: Session, table: Table, column: Column[Any], clinic: int, key: str) -> object:
    to = references(table).get(column.name)
    if to is not None:
        found = Base.metadata.tables[to]
        return session.scalar(
            select(found.c.id).where(is_of_clinic(found, clinic)).order_by(found.c.id.desc()).limit(1)
        )
    if isinstance(column.type, Encrypted):
        text = _TEXTS.get((table.name, column.name), ANY_TEXT)
        return PlainValue(plain=text.encode(), context=context_of(column, key))
    if isinstance(column.type, Moment):
        return datetime(2026, 3, 1, 8, 7, 6, 5432, tzinfo=UTC)
    for kind, value in _ANY.items():
        if isinstance(column.type, kind):
            return value
    return key[: getattr(column.type, "length", None) or 20]


_TEXTS = {("orders", "placer"): PlacerNumber(number="9", namespace="RIS").as_json()}
_ANY: dict[type, object] = {
    JSON: {"a": [1, None, "é"]},
    Boolean: True,
    Date: date(2026, 3, 1),
    Float: 0.25,
    Integer: 3,
    LargeBinary: b"\0\1",
}
