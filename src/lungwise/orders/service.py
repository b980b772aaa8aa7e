"""The rules of orders: a placer's number is one order, and its accession number no other's."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import Contradiction, NotFound, Rejected
from lungwise.films.refusals import N_
from lungwise.orders.models import Order
from lungwise.orders.order import OrderRequest, OrderStatus, OrderUrgency, OrderWay, PlacerNumber
from lungwise.orders.progress import OrderProgress
from lungwise.orders.records import OrderRecords
from lungwise.patients.search import FEW
from lungwise.patients.service import Patient, PatientFacts, PatientMatch, Patients
from lungwise.store import Clock, new_key

__all__ = ["Order", "OrderFilter", "Orders", "Placed"]

PAGE = 50
REPEATED = timedelta(days=1)
"""How long the same order from the same person is taken for the one that waits: the form was sent again."""
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_OPEN_ALONE = N_("Only an order that is not done and not cancelled can be changed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order, and whether it is new: one that was placed before is as it was."""

    order: Order
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders are listed: all, those of some statuses, or of the patients whom a text finds.

    Parameters
    ----------
    patient
        The key of the one patient whose orders they are.
    accession
        The number of the one order.
    since, until
        Days in a time zone for which the films are ordered.
    """

    statuses: tuple[OrderStatus, ...] = ()
    text: str = ""
    patient: str = ""
    accession: str = ""
    since: date | None = None
    until: date | None = None
    zone: tzinfo = UTC


class Orders:
    """The orders of every clinic, each person seeing their own clinic's. The caller owns the transaction.

    Parameters
    ----------
    placed
        Told of a new order, in the same transaction: its films may be here already.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        patients: Patients,
        audit: AuditTrail,
        placed: Callable[[Order], None] = lambda _order: None,
    ) -> None:
        self._session = session
        self._clock = clock
        self._patients = patients
        self._audit = audit
        self._placed = placed
        self.records = OrderRecords(session)
        self._progress = OrderProgress(session)

    def get(self, person: Person, key: str) -> Order:
        """Find an order of the person's clinic."""
        return self.records.get(person, key)

    def placed_as(self, person: Person, placer: PlacerNumber) -> Order | None:
        """Return the order of the person's clinic with a placer's number."""
        person.need(Right.SEE_ALL)
        tidy = PlacerNumber(number=placer.number.strip(), namespace=placer.namespace.strip())
        return self.records.placed_as(person.clinic_id, tidy)

    def with_accession(self, person: Person, accession: str) -> Order | None:
        """Return the order of the person's clinic with an accession number."""
        person.need(Right.SEE_ALL)
        return self.records.with_accession(person.clinic_id, accession)

    def of_study(self, person: Person, study_key: str) -> list[Order]:
        """List the orders that a study of the person's clinic answers."""
        person.need(Right.SEE)
        return [order for order in self._progress.of_study(study_key) if order.clinic_id == person.clinic_id]

    def of_patient(self, person: Person, patient: Patient) -> list[Order]:
        """List a patient's orders, the newest first."""
        person.need(Right.SEE_ALL)
        return [order for order in self._progress.of_patient(patient.id) if order.clinic_id == person.clinic_id]

    def page(self, person: Person, chosen: OrderFilter, after: int | None = None) -> list[Order]:
        """List a page of the clinic's orders, the newest first.

        Raises
        ------
        Rejected
            If the text is too long.
        """
        person.need(Right.SEE_ALL)
        found = self._patients.search.matching(person, chosen.text)
        if found is None:
            return self._listed(person, chosen, after)
        if len(found) <= FEW:
            return self._listed(person, chosen, after, Order.patient_id.in_(found))
        return self._walked(person, chosen, after)

    def place(self, person: Person, patient: Patient | PatientFacts, asked: OrderRequest, way: OrderWay) -> Placed:
        """Place an order; one whose placer's number is here already is not placed again.

        Raises
        ------
        Rejected
            If a value cannot be right.
        Contradiction
            If the accession number is another order's, or the same order was placed for another patient.
        IntegrityError
            If the same is being placed at this moment: try again.
        """
        _need_to_order(person)
        asked = asked.checked()
        match = self._match(person, patient)
        known = self.records.placed_as(person.clinic_id, asked.placer) if asked.placer else None
        if known is not None:
            if known.patient_id != match.patient.id:
                raise Contradiction("This order was placed before, for another patient.")
            return Placed(order=known, is_new=False)
        if asked.accession and self.records.with_accession(person.clinic_id, asked.accession):
            raise Contradiction("Another order has this accession number.")
        order = self._add(person, match, asked, way)
        self._audit.record(person, Action.ORDERED, Subject.ORDER, order.key)
        self._placed(order)
        return Placed(order=order, is_new=True)

    def place_from_page(self, person: Person, patient: Patient, asked: OrderRequest) -> Placed:
        """Place an order that a person filled in; one that says what their own, which still waits, does is that one.

        Going back and sending the form again orders nothing twice, even where the page was loaded anew.

        Raises
        ------
        Rejected
            If a value cannot be right.
        Contradiction
            If the accession number is another order's.
        """
        asked, now = asked.checked(), self._clock()
        recent = (order for order in self.of_patient(person, patient) if now - order.created_at < REPEATED)
        own = (order for order in recent if order.author_id == person.id and order.status == OrderStatus.REQUESTED)
        same = next((order for order in own if _says_the_same(order, asked)), None)
        return Placed(order=same, is_new=False) if same else self.place(person, patient, asked, OrderWay.PAGE)

    def change(self, person: Person, key: str, asked: OrderRequest) -> Order:
        """Replace what an order asks for. Its numbers stay; one whose films are not here any more is asked for again.

        Raises
        ------
        Rejected
            If a value cannot be right, its numbers are others, or it is cancelled, or done with its films here.
        """
        _need_to_order(person)
        asked = asked.checked()
        order = self.records.get(person, key, locks=True)
        if not order.may_be_changed:
            raise Rejected(_OPEN_ALONE)
        if _names_another(order, asked):
            raise Rejected("The numbers of an order cannot be changed. Cancel it, and place another one.")
        self._fill(person, order, asked, order.scheduled_at)
        if self._session.is_modified(order):
            order.status = order.status if order.is_open else OrderStatus.REQUESTED
            self._session.flush()
            self._audit.record(person, Action.CHANGED, Subject.ORDER, order.key)
        return order

    def cancel(self, person: Person, key: str) -> Order:
        """Cancel an order; one that is cancelled stays so.

        Raises
        ------
        Contradiction
            If films of it are here already.
        """
        _need_to_order(person)
        order = self.records.get(person, key, locks=True)
        if order.study_key is not None:
            raise Contradiction("Films of this order are here already, so it cannot be cancelled.")
        if order.may_be_cancelled:
            order.status = OrderStatus.CANCELLED
            self._session.flush()
            self._audit.record(person, Action.CANCELLED, Subject.ORDER, order.key)
        return order

    def replace(self, person: Person, key: str, by: Collection[OrderRequest]) -> Order:
        """Cancel an order that others take the place of: it gives its numbers up where one of them has the same.

        Raises
        ------
        Contradiction
            If films of it are here already.
        """
        order = self.cancel(person, key)
        if order.accession in {asked.accession.strip() for asked in by}:
            order.accession = _new_accession(self._clock())
        if order.study_uid in {asked.study_uid.strip() for asked in by}:
            order.study_uid = _new_study_uid()  # films that name it answer the other one
        if self._session.is_modified(order):
            self.records.index(order)
            self._audit.record(person, Action.CHANGED, Subject.ORDER, order.key)
        return order

    def _match(self, person: Person, patient: Patient | PatientFacts) -> PatientMatch:
        """Return whose order it is: of facts whom they mean, as with a film's header."""
        if isinstance(patient, PatientFacts):
            return self._patients.match_or_add(person, patient)
        return PatientMatch(patient=self._patients.get(person, patient.key))

    def _add(self, person: Person, match: PatientMatch, asked: OrderRequest, way: OrderWay) -> Order:
        now = self._clock()
        order = Order(key=new_key(), clinic_id=person.clinic_id, patient_id=match.patient.id, created_at=now)
        order.merged_from_id, order.author_id, order.way = match.merged_from_id, person.id, way
        order.accession = asked.accession or _new_accession(now)
        order.study_uid = asked.study_uid or _new_study_uid()
        if asked.placer:
            order.placer = asked.placer
        self._fill(person, order, asked, now)
        self.records.index(order)
        return order

    def _fill(self, person: Person, order: Order, asked: OrderRequest, scheduled_at: datetime) -> None:
        order.procedure, order.reason = asked.procedure, asked.reason
        order.modality, order.station = asked.modality, asked.station
        order.urgency = OrderUrgency(asked.urgency).value
        order.scheduled_at = asked.scheduled_at or scheduled_at
        order.referring_physician = asked.referring_physician
        order.ordered_by = asked.ordered_by or order.ordered_by or person.name

    def _listed(
        self, person: Person, chosen: OrderFilter, after: int | None, *where: ColumnElement[bool]
    ) -> list[Order]:
        query = select(Order).where(Order.clinic_id == person.clinic_id, *where, *self._chosen(person, chosen))
        if after is not None:
            query = query.where(Order.id < after)
        return list(self._session.scalars(query.order_by(Order.id.desc()).limit(PAGE)))

    def _chosen(self, person: Person, chosen: OrderFilter) -> Iterator[ColumnElement[bool]]:
        """Yield what the database can answer of a filter."""
        if chosen.statuses:
            yield Order.status.in_(chosen.statuses)
        if chosen.patient:
            yield Order.patient_id.in_(self._ids_of(person, chosen.patient))
        if chosen.accession:
            found = self.records.with_accession(person.clinic_id, chosen.accession)
            yield Order.id.in_([found.id] if found else [])
        if chosen.since:
            yield Order.scheduled_at >= datetime.combine(chosen.since, time.min, chosen.zone)
        if chosen.until:
            yield Order.scheduled_at <= datetime.combine(chosen.until, time.max, chosen.zone)

    def _ids_of(self, person: Person, key: str) -> list[int]:
        """Return the id of a patient's record; none where nobody has this key."""
        with suppress(NotFound):
            return [self._patients.get(person, key).id]
        return []

    def _walked(self, person: Person, chosen: OrderFilter, after: int | None) -> list[Order]:
        """Walk over the orders until those of patients whom the text finds fill a page."""
        page: list[Order] = []
        while len(page) < PAGE and (rows := self._listed(person, chosen, after)):
            fitting = self._patients.search.among(person, chosen.text, {order.patient_id for order in rows})
            page += [order for order in rows if order.patient_id in fitting]
            after = rows[-1].id
        return page[:PAGE]


def _need_to_order(person: Person) -> None:
    person.need(Right.SEE_ALL)
    person.need(Right.UPLOAD)


def _says_the_same(order: Order, asked: OrderRequest) -> bool:
    """Return whether an order that came from a page asks for this; what has no time was ordered for then."""
    names = ("procedure", "reason", "modality", "station", "urgency", "referring_physician")
    same = order.way == OrderWay.PAGE and all(getattr(order, name) == getattr(asked, name) for name in names)
    at = asked.scheduled_at or order.created_at
    return same and order.scheduled_at == at and asked.accession in ("", order.accession)


def _names_another(order: Order, asked: OrderRequest) -> bool:
    """Return whether a change names other numbers than an order has."""
    return (
        (bool(asked.accession) and asked.accession != order.accession)
        or (bool(asked.study_uid) and asked.study_uid != order.study_uid)
        or (asked.placer is not None and asked.placer != order.placer)
    )


def _new_accession(now: datetime) -> str:
    """Make an accession number that a person can type: of 14 characters, the day in it."""
    return f"LW{now:%y%m%d}{''.join(secrets.choice(_LETTERS) for _ in range(6))}"


def _new_study_uid() -> str:
    return f"2.25.{uuid.uuid4().int}"
