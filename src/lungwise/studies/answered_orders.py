"""Which study answers an order: the first whose films name it, and another only where none of those could be read."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from lungwise.orders.order import OrderStatus
from lungwise.orders.progress import OrderProgress
from lungwise.orders.service import Order
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Study, StudyStatus


class AnsweredOrders:
    """Keeps each order with one study, in the transaction that changes the studies.

    A second study of an order, as of a lateral film, does not take it away: the first one's results would lose their
    order, and films would be asked for again that were taken.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._orders = OrderProgress(session)

    def answer(self, order: Order, study: Study) -> None:
        """Let a study with new films answer an order, unless another study does."""
        self._session.refresh(order, with_for_update=True)  # two studies of one order may come at once
        if order.study_key in (None, study.key) or self._is_refused(order):
            self._orders.begin(order, study.key)

    def settle(self, order: Order, study: Study) -> None:
        """Let a study answer an order, unless another does; what is read already is done."""
        self.answer(order, study)
        if study.status not in (StudyStatus.WAITING, StudyStatus.REFUSED):  # no reading follows that would say so
            self.finish([study.key])

    def finish(self, studies: Collection[str]) -> None:
        """Keep that the films of these studies are read, except where a fault kept one of them from being read."""
        given_up = (
            select(Study.key)
            .join(FilmRecord)
            .join(Job, (Job.film_id == FilmRecord.id) & (Job.model == "") & (Job.state == JobState.FAILED))
            .where(Study.key.in_(studies), ~exists().where(ReadingRecord.film_id == FilmRecord.id))
        )
        self._orders.finish(set(studies) - set(self._session.scalars(given_up)))

    def settle_late(self, order: Order) -> list[Study]:
        """Let studies of its patient that were here before an order answer it; return those that name it."""
        its = self._session.scalars(select(Study).where(Study.patient_id == order.patient_id).order_by(Study.id))
        naming = [study for study in its if self._names(study, order)]
        for study in naming:
            self._session.refresh(study, ["status"], with_for_update=True)  # it may be read at this moment
            self.settle(order, study)
        return naming

    def release(self, study: Study) -> None:
        """Keep that a study is kept no longer: others that name its orders answer them, or what was read stays done."""
        released = self._orders.of_study(study.key)
        self._orders.release(study.key)
        self._pass_on(released, study)

    def ask_again(self, study: Study) -> list[Study]:
        """Keep that a study should not be here: others that name its orders answer them, or they are asked for again.

        Gives those others.
        """
        released = self._orders.of_study(study.key)
        self._orders.ask_again(study.key)
        return self._pass_on(released, study)

    def pass_on(self, refused: Iterable[Study]) -> None:
        """Let others that name them answer the orders of studies of which no film could be read."""
        for study in refused:
            self._pass_on([order for order in self._orders.of_study(study.key) if order.is_open], study)

    def _pass_on(self, orders: Iterable[Order], study: Study) -> list[Study]:
        answering = []
        for order in orders:
            if (other := self._other(order, study)) is not None:
                self._session.refresh(other, ["status"], with_for_update=True)  # it may be read at this moment
                self.settle(order, other)
                answering.append(other)
        return answering

    def _other(self, order: Order, study: Study) -> Study | None:
        """Return the first study of an order's patient but this that may have been read and names the order."""
        others = select(Study).where(Study.patient_id == order.patient_id, Study.id != study.id)
        may_answer = others.where(Study.status != StudyStatus.REFUSED).order_by(Study.id)
        return next((one for one in self._session.scalars(may_answer) if self._names(one, order)), None)

    def _names(self, study: Study, order: Order) -> bool:
        asked = (
            self._orders.asked_for(study.clinic_id, film.accession or "", film.study_uid or "") for film in study.films
        )
        return any(one is order for one in asked)

    def _is_refused(self, order: Order) -> bool:
        """Return whether no film could be read of the study that answers an order, and none was before."""
        status = self._session.scalar(select(Study.status).where(Study.key == order.study_key))
        return order.status != OrderStatus.DONE and status == StudyStatus.REFUSED
