"""The worklist: filtered, sorted, paged by key so that every page costs the same.

The unread come first, so a list is two runs, the unread and the read, each in the order of an index.
A page seeks its place in one run and goes on into the other; it never counts its way there. What it filters
by lies in the index that it walks: only the lines that are shown are fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lungwise.access import Person, Right
from lungwise.errors import Rejected
from lungwise.inputs import row_number
from lungwise.patients.search import FEW
from lungwise.patients.service import Patient, Patients
from lungwise.studies.models import Study, StudyStatus

PAGE = 50
_FIRST_BATCH = 1000
"""Studies that are looked at first, where those of many patients are asked for."""
END = "end"
"""The place behind the last study: the page before it is the last one."""


class Order(StrEnum):
    """How a worklist is sorted, the unread ones always first."""

    NEWEST = "newest"
    PROBABLE = "probable"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistQuery:
    """Which studies to list, and the place that the page begins after, or ends before."""

    text: str = ""
    standing: StudyStatus | None = None
    unread: bool = False
    since: date | None = None
    until: date | None = None
    order: Order = Order.NEWEST
    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistRow:
    """One line of the worklist."""

    study: Study
    patient: Patient


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of lines, and the places its neighbours begin at; empty where there is none."""

    rows: list[WorklistRow]
    after: str
    before: str


class _Place(NamedTuple):
    """A place between two studies: the key of the one beside it."""

    unread: bool
    value: datetime | float
    id: int


class Worklist:
    """The lists of a clinic's studies."""

    def __init__(self, session: Session, patients: Patients) -> None:
        self._session = session
        self._patients = patients

    def page(self, person: Person, wanted: WorklistQuery) -> Page:
        """Return a page of lines with the places before and after it."""
        person.need(Right.SEE)
        backwards = bool(wanted.before)
        place = _read_place(wanted.before or wanted.after, wanted.order)
        studies = self._studies(person, wanted, place, backwards=backwards)
        further = len(studies) > PAGE
        if backwards and place and not further:
            return self.page(person, replace(wanted, before=""))  # the first page is whole
        shown = studies[:PAGE][:: -1 if backwards else 1]
        before, after = (further, place is not None) if backwards else (place is not None, further)
        return Page(
            rows=self._rows(person, shown),
            after=_place(shown[-1], wanted.order) if shown and after else "",
            before=_place(shown[0], wanted.order) if shown and before else "",
        )

    def all(self, person: Person, wanted: WorklistQuery) -> Iterator[WorklistRow]:
        """Walk over every line, for export."""
        person.need(Right.EXPORT)
        wanted = replace(wanted, after="", before="")
        while True:
            page = self.page(person, wanted)
            yield from page.rows
            if not page.after:
                return
            wanted = replace(wanted, after=page.after)

    def _rows(self, person: Person, studies: list[Study]) -> list[WorklistRow]:
        patients = self._patients.by_ids(person, {study.patient_id for study in studies})
        return [
            WorklistRow(study=study, patient=patients[study.patient_id])
            for study in studies
            if study.patient_id in patients  # else both are deleted meanwhile
        ]

    def _studies(self, person: Person, wanted: WorklistQuery, place: _Place | None, *, backwards: bool) -> list[Study]:
        """Seek the place in its run, and go on into the other run; one study more than a page shows."""
        found: list[int] = []
        patients = self._patients.search.matching(person, wanted.text)
        for run in _runs(wanted, place, backwards=backwards):
            here = place if place and place.unread is run else None
            few = patients is not None and len(patients) <= FEW
            query = self._query(person, wanted, run, here, backwards=backwards, few=few)
            if patients is None or few:
                query = query if patients is None else query.where(Study.patient_id.in_(patients))
                found += self._session.scalars(query.limit(PAGE + 1 - len(found)))
            else:
                found += self._those_of(person, wanted.text, query, PAGE + 1 - len(found))
            if len(found) > PAGE:
                break
        return self._fetched(found)

    def _those_of(self, person: Person, text: str, query: Select[int], most: int) -> list[int]:
        """Return the first studies of the many patients whom a text finds: walking the list, a page is met soon."""
        found = list[int]()
        start, batch = 0, _FIRST_BATCH
        while len(found) < most:
            rows = self._session.execute(query.add_columns(Study.patient_id).offset(start).limit(batch)).all()
            wanted = self._patients.search.among(person, text, (patient for _study, patient in rows))
            found += [study for study, patient in rows if patient in wanted]
            if len(rows) < batch:
                break
            start, batch = start + batch, batch * 8
        return found[:most]

    def _fetched(self, ids: list[int]) -> list[Study]:
        studies = {study.id: study for study in self._session.scalars(select(Study).where(Study.id.in_(ids)))}
        return [studies[number] for number in ids if number in studies]

    def _query(
        self, person: Person, wanted: WorklistQuery, run: bool, place: _Place | None, *, backwards: bool, few: bool
    ) -> Select[int]:
        # Which no index helps: of few patients, a database that has not counted its rows shall not walk the clinic.
        clinic = Study.clinic_id + 0 if few else Study.clinic_id
        query = select(Study.id).where(clinic == person.clinic_id, Study.unread == run)
        if wanted.standing:
            query = query.where(Study.standing == wanted.standing.value)
        if wanted.since:
            query = query.where(Study.created_at >= datetime.combine(wanted.since, time.min, UTC))
        if wanted.until:
            query = query.where(Study.created_at <= datetime.combine(wanted.until, time.max, UTC))
        column = _column(wanted.order)
        if place:
            query = query.where(_beyond(column, place, backwards=backwards))
        if backwards:
            return query.order_by(column, Study.id)
        return query.order_by(column.desc(), Study.id.desc())


def _runs(wanted: WorklistQuery, place: _Place | None, *, backwards: bool) -> list[bool]:
    """Name the runs from the place's on: True the unread, False the read."""
    runs = [False, True] if backwards else [True, False]
    runs = runs[runs.index(place.unread) :] if place else runs
    return [run for run in runs if run or not wanted.unread]


def _column(order: Order) -> InstrumentedAttribute[datetime] | InstrumentedAttribute[float]:
    return Study.created_at if order is Order.NEWEST else Study.probability


def _place(study: Study, order: Order) -> str:
    value = study.created_at.isoformat() if order is Order.NEWEST else repr(study.probability)
    return f"{int(study.unread)}_{value}_{study.id}"


def _read_place(text: str, order: Order) -> _Place | None:
    """Read a place; one that cannot be understood is the beginning, or the end."""
    try:
        unread, value, last = text.split("_")
        place = datetime.fromisoformat(value).astimezone(UTC) if order is Order.NEWEST else _probability(value)
        return _Place(unread == "1", place, row_number(last) or 0)
    except (ValueError, OverflowError, Rejected):
        return None


def _probability(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def _beyond(
    column: InstrumentedAttribute[datetime] | InstrumentedAttribute[float], place: _Place, *, backwards: bool
) -> ColumnElement[bool]:
    """Select what lies beyond a place of its run; the first comparison is what an index can seek."""
    if backwards:
        return and_(column >= place.value, or_(column > place.value, Study.id > place.id))
    return and_(column <= place.value, or_(column < place.value, Study.id < place.id))
