"""The open orders of a clinic as an X-ray machine asks for them: its worklist (PS3.4, annex K)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.orders import wildcards
from lungwise.orders.models import Order
from lungwise.orders.order import OPEN
from lungwise.orders.records import OrderRecords
from lungwise.patients.service import Patient, Patients

MOST_FOUND: Final = 500
"""Orders of one answer."""
MOST_EXAMINED: Final = 5000
"""Orders that are looked at for one answer."""
_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledQuery:
    """What a machine asks for; what is empty matches everything. Texts but `study_uids` may have wildcards."""

    patient_id: str = ""
    patient_name: str = ""
    accession: str = ""
    station: str = ""
    modality: str = ""
    study_uids: tuple[str, ...] = ()
    first: datetime | None = None
    last: datetime | None = None

    def check(self) -> None:
        """Check that each text is within its limits.

        Raises
        ------
        Rejected
            If one is too long, or has too many wildcards.
        """
        for text in (self.patient_id, self.patient_name, self.accession, self.station, self.modality):
            wildcards.check(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """An order, and its patient."""

    order: Order
    patient: Patient


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a machine is answered, and whether there is, or may be, more."""

    scheduled: Sequence[Scheduled]
    is_cut: bool


class ScheduledOrders:
    """Finds the open orders of a clinic, the earliest first."""

    def __init__(self, session: Session, patients: Patients, audit: AuditTrail) -> None:
        self._session = session
        self._patients = patients
        self._audit = audit
        self._records = OrderRecords(session)

    def find(self, node: Person, asked: ScheduledQuery, machine: str) -> Found:
        """Find what a machine asks for, and record that it was shown.

        Raises
        ------
        Rejected
            If a text is too long, or has too many wildcards.
        """
        node.need(Right.SEE_ALL)
        asked.check()
        where = self._narrowed(node, asked)
        found = list(islice(self._matching(node, asked, where), MOST_FOUND + 1))
        is_cut = len(found) > MOST_FOUND or self._is_long(where)
        if found:
            self._audit.record(node, Action.SEARCHED, Subject.ORDER, machine)
        return Found(scheduled=found[:MOST_FOUND], is_cut=is_cut)

    def _narrowed(self, node: Person, asked: ScheduledQuery) -> list[ColumnElement[bool]]:
        """Return what the database can answer."""
        where = [Order.clinic_id == node.clinic_id, Order.status.in_(OPEN), *_stored(asked)]
        if _is_exact(asked.accession):
            order = self._records.with_accession(node.clinic_id, asked.accession)
            where.append(Order.id.in_([order.id] if order else []))
        if _is_exact(asked.patient_id):
            where.append(Order.patient_id.in_(self._patients.ids_having(node, asked.patient_id)))
        return where

    def _matching(
        self, node: Person, asked: ScheduledQuery, where: Sequence[ColumnElement[bool]]
    ) -> Iterator[Scheduled]:
        query = select(Order).where(*where).order_by(Order.scheduled_at, Order.id).limit(MOST_EXAMINED)
        orders = iter(self._session.scalars(query).all())
        while batch := list(islice(orders, _AT_ONCE)):
            patients = self._patients.by_ids(node, {order.patient_id for order in batch})
            for order in batch:
                patient = patients.get(order.patient_id)
                if patient is not None and _fits(asked, order, patient):
                    yield Scheduled(order=order, patient=patient)

    def _is_long(self, where: Sequence[ColumnElement[bool]]) -> bool:
        """Return whether more orders would have to be looked at than are."""
        beyond = select(Order.id).where(*where).order_by(Order.scheduled_at, Order.id).offset(MOST_EXAMINED).limit(1)
        return self._session.scalar(beyond) is not None


def _is_exact(text: str) -> bool:
    return bool(text) and not wildcards.is_wild(text)


def _stored(asked: ScheduledQuery) -> Iterator[ColumnElement[bool]]:
    """Yield what plain columns answer; an order for no machine is for any."""
    if _is_exact(asked.station):
        yield or_(Order.station == asked.station, Order.station == "")
    if _is_exact(asked.modality):
        yield Order.modality == asked.modality
    if asked.study_uids:
        yield Order.study_uid.in_(asked.study_uids)
    if asked.first:
        yield Order.scheduled_at >= asked.first
    if asked.last:
        yield Order.scheduled_at < asked.last


def _fits(asked: ScheduledQuery, order: Order, patient: Patient) -> bool:
    """Match what the database cannot."""
    pairs = (
        (asked.station, order.station or asked.station),
        (asked.modality, order.modality),
        (asked.accession, order.accession),
    )
    if not all(not text or wildcards.matches(has, text) for text, has in pairs):
        return False
    if wildcards.is_wild(asked.patient_id) and not wildcards.matches(patient.identifier, asked.patient_id):
        return False
    names = (patient.name, patient.ideographic, patient.phonetic)
    return not asked.patient_name or any(is_named(name, asked.patient_name) for name in names if name)


def is_named(name: str, asked: str) -> bool:
    """Match a person's name by its words, whatever their order, capitals and accents.

    Each component that is asked for must match a word, or the whole name: names are kept as they are written, which
    does not always say what the family name is.
    """
    plain = " ".join(re.split(r"[\s^,]+", _folded(name))).strip()
    for group in _folded(asked).split("="):
        components = [" ".join(one.split()) for one in group.split("^") if one.strip()]
        words = [plain, *plain.split()]
        if components and all(any(wildcards.matches(word, one) for word in words) for one in components):
            return True
    return not _folded(asked).strip("=^ ")


def _folded(text: str) -> str:
    """Take capitals and the accents of Latin letters away."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return re.sub("[\u0300-\u036f]", "", decomposed)
