"""Orders that are placed after their films were taken, or deleted: studies follow, and whoever has a report is told."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from lungwise.orders.progress import OrderProgress
from lungwise.orders.service import Order
from lungwise.studies.answered_orders import AnsweredOrders
from lungwise.studies.header_index import number_film
from lungwise.studies.models import Study, StudyStatus
from lungwise.studies.named_orders import others_naming
from lungwise.studies.report_changes import ReportChanges


class OrderChanges:
    """Looks for the films that name an order, in the transaction that places or deletes it."""

    def __init__(self, session: Session, changes: ReportChanges) -> None:
        self._session = session
        self._orders = OrderProgress(session)
        self._answered = AnsweredOrders(session)
        self._changes = changes

    def placed(self, order: Order) -> None:
        """Let films of an order's patient that name it answer it; whose those of other patients are is unclear now."""
        naming = self._answered.settle_late(order)
        changed = [study for study in naming if self._number(study, order) or study.key == order.study_key]
        self._note([*changed, *others_naming(self._session, order)])

    def delete_of(self, patient_id: int) -> None:
        """Delete a patient's orders; films of other patients that name one are no longer in doubt."""
        orders = self._orders.of_patient(patient_id)
        naming = {study.id: study for order in orders for study in others_naming(self._session, order)}
        self._orders.remove_of(patient_id)
        self._note(naming.values())

    def _number(self, study: Study, order: Order) -> bool:
        """Give an order's accession number to films that name it by a UID alone; return whether there are any."""
        films = [film for film in study.films if film.study_uid == order.study_uid and not film.accession]
        for film in films:
            number_film(self._session, film, study.clinic_id, order.accession)
        self._session.flush()
        return bool(films)

    def _note(self, studies: Iterable[Study]) -> None:
        for study in studies:
            if study.status != StudyStatus.WAITING:  # what is not read yet is sent with its first reading
                self._changes.of_study(study)
