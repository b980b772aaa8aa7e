"""The worklist: filtered, sorted, paged by key so that every page costs the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from lungwise.accounts.person import Person, Right
from lungwise.patients.service import Patient, Patients, words_of
from lungwise.studies.models import Standing, Study

PAGE = 50


class Order(StrEnum):
    """How a worklist is sorted, the unread ones always first."""

    NEWEST = "newest"
    PROBABLE = "probable"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which studies to list, and from where on."""

    text: str = ""
    standing: Standing | None = None
    unread: bool = False
    since: date | None = None
    until: date | None = None
    order: Order = Order.NEWEST
    after: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the worklist."""

    study: Study
    patient: Patient


class Worklist:
    """The lists of a clinic's studies."""

    def __init__(self, session: Session, patients: Patients) -> None:
        self._session = session
        self._patients = patients

    def page(self, person: Person, wanted: Wanted) -> tuple[list[Line], str]:
        """Give a page of lines, and where the next one begins: empty after the last."""
        person.need(Right.SEE)
        studies = list(self._session.scalars(self._query(person, wanted).limit(PAGE + 1)))
        shown = studies[:PAGE]
        following = _place(shown[-1], wanted.order) if len(studies) > PAGE else ""
        return self._lines(person, shown), following

    def all(self, person: Person, wanted: Wanted) -> Iterator[Line]:
        """Walk over every line, for export."""
        person.need(Right.EXPORT)
        after = ""
        while True:
            lines, after = self.page(person, replace(wanted, after=after))
            yield from lines
            if not after:
                return

    def _lines(self, person: Person, studies: list[Study]) -> list[Line]:
        patients = self._patients.by_ids(person, {study.patient_id for study in studies})
        return [Line(study, patients[study.patient_id]) for study in studies]

    def _query(self, person: Person, wanted: Wanted) -> Select[Study]:
        query = select(Study).where(Study.clinic_id == person.clinic_id)
        if words_of(wanted.text):
            query = query.where(Study.patient_id.in_(self._patients.matching(person, wanted.text)))
        if wanted.standing:
            query = query.where(Study.standing == wanted.standing.value)
        if wanted.unread:
            query = query.where(Study.unread == true())
        if wanted.since:
            query = query.where(Study.created_at >= _midnight(wanted.since))
        if wanted.until:
            query = query.where(Study.created_at < _midnight(wanted.until) + timedelta(days=1))
        if wanted.after:
            query = query.where(_behind(wanted))
        column = _column(wanted.order)
        return query.order_by(Study.unread.desc(), column.desc(), Study.id.desc())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _column(order: Order) -> InstrumentedAttribute[datetime] | InstrumentedAttribute[float]:
    return Study.created_at if order is Order.NEWEST else Study.probability


def _place(study: Study, order: Order) -> str:
    value = study.created_at.isoformat() if order is Order.NEWEST else repr(study.probability)
    return f"{int(study.unread)}_{value}_{study.id}"


def _behind(wanted: Wanted) -> ColumnElement[bool]:
    """Select what comes behind a place; one that cannot be understood begins from the start."""
    try:
        unread, value, last = wanted.after.split("_")
        place = datetime.fromisoformat(value) if wanted.order is Order.NEWEST else float(value)
        flag, number = bool(int(unread)), int(last)
    except ValueError:
        return Study.id > 0
    column = _column(wanted.order)
    same = and_(Study.unread == flag, column <= place, or_(column < place, Study.id < number))
    return or_(same, Study.unread == false()) if flag else same
