"""What becomes of orders: films come, are read, or are deleted; and their patient is merged, or deleted."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from lungwise.orders.models import Order
from lungwise.orders.order import OPEN, OrderStatus
from lungwise.orders.records import OrderRecords


class OrderProgress:
    """Keeps orders up to date with the films of a clinic, in the transaction that changes these."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._records = OrderRecords(session)

    def asked_for(self, clinic_id: int, accession: str, study_uid: str) -> Order | None:
        """Return the order that a film names: by its accession number, or else by the study's UID that it was given."""
        return asked_among(self.named(clinic_id, {accession} - {""}, {study_uid} - {""}), accession, study_uid)

    def has_any(self, clinic_id: int) -> bool:
        """Return whether films were ever ordered in a clinic."""
        return bool(self._session.scalar(select(exists().where(Order.clinic_id == clinic_id))))

    def named(self, clinic_id: int, accessions: Collection[str], study_uids: Collection[str]) -> list[Order]:
        """List the orders of a clinic that films name, by accession number or by study's UID."""
        return self._records.named(clinic_id, accessions, study_uids)

    def of_others(
        self, clinic_id: int, patient_id: int, accessions: Collection[str], study_uids: Collection[str]
    ) -> list[Order]:
        """List the orders of other patients than this one that films name, by accession number or by study's UID."""
        named = self.named(clinic_id, accessions, study_uids)
        return [order for order in named if order.patient_id != patient_id]

    def begin(self, order: Order, study_key: str) -> None:
        """Keep that a study's films answer an order, also one that was cancelled: they were taken."""
        order.study_key, order.status = study_key, OrderStatus.IN_PROGRESS
        self._session.flush()

    def of_study(self, study_key: str) -> list[Order]:
        """List the orders that a study answers."""
        query = select(Order).where(Order.study_key == study_key).order_by(Order.id)
        return list(self._session.scalars(query))

    def finish(self, studies: Collection[str]) -> None:
        """Keep that the films of these studies are read: there is a report."""
        read = (Order.study_key.in_(studies), Order.status == OrderStatus.IN_PROGRESS)
        self._session.execute(update(Order).where(*read).values(status=OrderStatus.DONE))

    def release(self, study_key: str) -> None:
        """Keep that a study is kept no longer: what was read stays done, and what was not is asked for again."""
        its = update(Order).where(Order.study_key == study_key)
        unread = its.where(Order.status == OrderStatus.IN_PROGRESS)
        self._session.execute(unread.values(status=OrderStatus.REQUESTED))
        self._session.execute(its.values(study_key=None))

    def ask_again(self, study_key: str) -> None:
        """Keep that a study should not have been here: all that it answered is asked for again."""
        its = update(Order).where(Order.study_key == study_key)
        self._session.execute(its.values(status=OrderStatus.REQUESTED, study_key=None))

    def leave_others(self, study_key: str, patient_id: int) -> None:
        """Keep that a study turned out to be this patient's: what it answered of others is asked for again."""
        others = update(Order).where(Order.study_key == study_key, Order.patient_id != patient_id)
        self._session.execute(others.values(status=OrderStatus.REQUESTED, study_key=None))

    def of_patient(self, patient_id: int) -> list[Order]:
        """List a patient's orders, the newest first."""
        query = select(Order).where(Order.patient_id == patient_id).order_by(Order.id.desc())
        return list(self._session.scalars(query))

    def has_open(self, patient_id: int) -> bool:
        """Return whether films of a patient are still to be taken."""
        return bool(
            self._session.scalar(select(exists().where(Order.patient_id == patient_id, Order.status.in_(OPEN))))
        )

    def remove_of(self, patient_id: int) -> None:
        """Delete a patient's orders."""
        self._session.execute(delete(Order).where(Order.patient_id == patient_id))

    def merge(self, kept: int, gone: int) -> None:
        """Make one patient's orders another's."""
        moved = update(Order).where(Order.patient_id == gone)
        self._session.execute(moved.values(patient_id=kept, merged_from_id=func.coalesce(Order.merged_from_id, gone)))

    def take_back(self, root: int, record: int, parts: Sequence[int]) -> None:
        """Undo a merging: the orders that were placed for a record, or for others in it, are its own again."""
        its = update(Order).where(Order.patient_id == root, Order.merged_from_id.in_(parts))
        self._session.execute(its.values(patient_id=record))
        own = update(Order).where(Order.patient_id == record, Order.merged_from_id == record)
        self._session.execute(own.values(merged_from_id=None))


def asked_among(orders: Sequence[Order], accession: str, study_uid: str) -> Order | None:
    """Return which of the orders that a film names is its own; by a UID where that is one alone."""
    if accession:
        return next((order for order in orders if order.accession == accession.strip()), None)
    given = [order for order in orders if study_uid and order.study_uid == study_uid]
    return given[0] if len(given) == 1 else None
