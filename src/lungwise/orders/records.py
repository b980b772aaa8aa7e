"""The records of orders: found by key and by their numbers, and indexed by these."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from lungwise.access import Person, Right
from lungwise.errors import NotFound
from lungwise.orders.models import Order
from lungwise.orders.order import PlacerNumber
from lungwise.store import keys_of

REINDEXED_AT_ONCE = 200


class OrderRecords:
    """The orders of clinics as the database holds them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._keys = keys_of(session)

    def get(self, person: Person, key: str, *, locks: bool = False) -> Order:
        """Find an order of the person's clinic, where it `locks` so that nobody else changes it meanwhile."""
        person.need(Right.SEE_ALL)
        query = select(Order).where(Order.key == key, Order.clinic_id == person.clinic_id)
        if locks:
            query = query.with_for_update().execution_options(populate_existing=True)
        found = self._session.scalar(query)
        if found is None:
            raise NotFound
        return found

    def placed_as(self, clinic_id: int, placer: PlacerNumber) -> Order | None:
        """Return the order with a placer's number."""
        indexes = self._keys.indexes(_placer_context(clinic_id), _placer_text(placer))
        return self._one(clinic_id, Order.placer_index.in_(indexes))

    def with_accession(self, clinic_id: int, accession: str) -> Order | None:
        """Return the order with an accession number."""
        indexes = self._keys.indexes(_accession_context(clinic_id), accession.strip())
        return self._one(clinic_id, Order.accession_index.in_(indexes))

    def named(self, clinic_id: int, accessions: Collection[str], study_uids: Collection[str]) -> list[Order]:
        """List the orders with one of some accession numbers, or for films of one of some Study Instance UIDs."""
        context = _accession_context(clinic_id)
        indexes = [index for number in accessions for index in self._keys.indexes(context, number.strip())]
        is_named = or_(Order.accession_index.in_(indexes), Order.study_uid.in_(study_uids))
        query = select(Order).where(Order.clinic_id == clinic_id, is_named).order_by(Order.id)
        return list(self._session.scalars(query))

    def index(self, order: Order) -> None:
        """Save an order, and index its numbers.

        Raises
        ------
        IntegrityError
            If one of its numbers is another order's.
        """
        clinic, placer = order.clinic_id, order.placer
        order.accession_index = self._keys.index(_accession_context(clinic), order.accession)
        order.placer_index = self._keys.index(_placer_context(clinic), _placer_text(placer)) if placer else None
        self._session.add(order)
        self._session.flush()

    def count_stale(self) -> int:
        """Count the orders of all clinics that are indexed under another key than the first."""
        return self._session.scalar(select(func.count()).select_from(Order).where(self._is_stale())) or 0

    def reindex(self, after: int) -> tuple[int, int | None]:
        """Index some orders of all clinics again under the first key; return how many, and after which to go on."""
        query = select(Order).where(Order.id > after, self._is_stale()).order_by(Order.id)
        orders = self._session.scalars(query.limit(REINDEXED_AT_ONCE).with_for_update()).all()
        for order in orders:
            self.index(order)
        return len(orders), orders[-1].id if orders else None

    def reindex_clinic(self, clinic_id: int) -> None:
        """Index every order of a clinic that came from another installation, whatever its indexes say."""
        query = select(Order).where(Order.clinic_id == clinic_id).order_by(Order.id)
        for order in self._session.scalars(query.execution_options(yield_per=REINDEXED_AT_ONCE)):
            flag_modified(order, "changed_at")  # nobody has changed it
            self.index(order)

    def _one(self, clinic_id: int, which: ColumnElement[bool]) -> Order | None:
        return self._session.scalar(select(Order).where(Order.clinic_id == clinic_id, which))

    def _is_stale(self) -> ColumnElement[bool]:
        first = f"{self._keys.names[0]}%"
        return or_(Order.accession_index.not_like(first), Order.placer_index.not_like(first))


def _accession_context(clinic_id: int) -> str:
    """Return the context of accession numbers' blind indexes: one for each clinic, so that none can be compared."""
    return f"orders.accession {clinic_id}"


def _placer_context(clinic_id: int) -> str:
    return f"orders.placer {clinic_id}"


def _placer_text(placer: PlacerNumber) -> str:
    return f"{placer.namespace}\0{placer.number}"
