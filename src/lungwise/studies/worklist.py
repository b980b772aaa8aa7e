"""The worklist: filtered, sorted, paged by key so that every page costs the same.

The unread come first, so a list is two runs, the unread and the read, each in the order of an index.
A page seeks its position in one run and goes on into the other; it never counts its way there. What it filters
by lies in the index that it walks: only the lines that are shown are fetched.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, tzinfo
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from lungwise.access import Person, Right
from lungwise.errors import Rejected
from lungwise.inputs import row_number
from lungwise.patients.name_index import finds
from lungwise.patients.search import FEW
from lungwise.patients.service import Patient, Patients
from lungwise.studies.answers import StudyAnswer
from lungwise.studies.extent_changes import ExtentChange, changes_of_patients
from lungwise.studies.models import Study, StudyStatus
from lungwise.studies.named_findings import values_with
from lungwise.studies.outdated_opinions import outdated_conclusions
from lungwise.studies.stated_patients import as_known_to
from lungwise.studies.stored_answers import study_answers
from lungwise.studies.urgency import HIGHEST_URGENCY
from lungwise.studies.visibility import uploaded_by, visible_to

PAGE = 50
_FIRST_BATCH = 1000
"""Studies in the first batch, where a text finds many patients."""
END = "end"
"""The position after the last study: the page before it is the last one."""


class Order(StrEnum):
    """How a worklist is sorted, the unread ones always first."""

    NEWEST = "newest"
    URGENT = "urgent"
    PROBABLE = "probable"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistQuery:
    """Which studies to list, and the position that the page begins after, or ends before.

    `finding` is one that the headline names, as suggested or as possible. `since` and `until` are days, in a time zone,
    on which the films were taken.
    """

    text: str = ""
    status: StudyStatus | None = None
    finding: str = ""
    unread: bool = False
    since: date | None = None
    until: date | None = None
    zone: tzinfo = UTC
    order: Order = Order.NEWEST
    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistRow:
    """One line of the worklist, with what the study's films say.

    Parameters
    ----------
    is_outdated
        Whether a film was added or read since the study's conclusion.
    changes
        Of the extent of opacity since earlier films, by the film's key; for export alone.
    """

    study: Study
    patient: Patient
    answer: StudyAnswer
    is_outdated: bool = False
    changes: Mapping[str, ExtentChange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of lines, and the positions its neighbours begin at; empty where there is none."""

    rows: list[WorklistRow]
    after: str
    before: str


class _Position(NamedTuple):
    """A position between two studies: the sort key of the one next to it."""

    unread: bool
    value: datetime | float
    id: int


class Worklist:
    """The lists of a clinic's studies."""

    def __init__(self, session: Session, patients: Patients) -> None:
        self._session = session
        self._patients = patients

    def page(self, person: Person, query: WorklistQuery) -> Page:
        """Return a page of lines with the positions before and after it."""
        person.need(Right.SEE)
        backwards = bool(query.before)
        position = _read_position(query.before or query.after, query.order)
        studies = self._studies(person, query, position, backwards=backwards)
        further = len(studies) > PAGE
        if backwards and position and not further:
            return self.page(person, replace(query, before=""))  # the first page is whole
        shown = studies[:PAGE][:: -1 if backwards else 1]
        before, after = (further, position is not None) if backwards else (position is not None, further)
        return Page(
            rows=self._rows(person, shown, query.zone),
            after=_position_text(shown[-1], query.order) if shown and after else "",
            before=_position_text(shown[0], query.order) if shown and before else "",
        )

    def count(self, person: Person, query: WorklistQuery) -> int | None:
        """Count the studies of all pages; None where a text finds too many patients to count theirs."""
        person.need(Right.SEE)
        patients = self._patients.search.matching(person, query.text)
        runs = [True] if query.unread else [True, False]
        if patients is not None and not person.may(Right.SEE_ALL):
            wanted = _wanted(person, query, runs, None, _named(query))
            rows = _ordered(select(Study.id).where(*wanted), query, None, backwards=False)
            return len(self._matching(person, query.text, rows, sys.maxsize))
        if patients is not None and len(patients) > FEW:
            return None
        wanted = _wanted(person, query, runs, patients, _named(query))
        return self._session.scalar(select(func.count()).select_from(Study).where(*wanted)) or 0

    def all(self, person: Person, query: WorklistQuery) -> Iterator[WorklistRow]:
        """Walk over every line, for export; over a snapshot, since a study that somebody opens changes its place."""
        person.need(Right.EXPORT)
        query = replace(query, after="", before="")
        while True:
            page = self.page(person, query)
            self._fetch_results(page.rows)
            changes = self._changes(person, page.rows)
            yield from (replace(row, changes=changes) for row in page.rows)
            if not page.after:
                return
            query = replace(query, after=page.after)

    def next_unread(self, person: Person, study: Study) -> Study | None:
        """Return the unread study that the list shows after another, after the last one the first; None for no other.

        One whose films are still being read has nothing to look at, and is left out.
        """
        person.need(Right.SEE)
        unread = (
            select(Study)
            .where(visible_to(person), Study.unread, Study.id != study.id)
            .where(Study.status != StudyStatus.WAITING.value)
            .order_by(Study.taken_at.desc(), Study.id.desc())
            .limit(1)
        )
        position = _Position(True, study.taken_at, study.id)
        following = unread.where(_beyond(Study.taken_at, position, backwards=False))
        return self._session.scalar(following) or self._session.scalar(unread)

    def _fetch_results(self, rows: list[WorklistRow]) -> None:
        """Fetch the reference results and opinions of a page at once, not row by row."""
        studies = select(Study).where(Study.id.in_([row.study.id for row in rows]))
        beside = (selectinload(Study.reference_results), selectinload(Study.opinions))
        self._session.scalars(studies.options(*beside)).all()

    def _changes(self, person: Person, rows: list[WorklistRow]) -> dict[str, ExtentChange]:
        """Find what changed on films that say an extent of opacity, by the film's key."""
        patients = {row.patient.id: row.patient for row in rows if row.answer.most_opaque}
        return changes_of_patients(self._session, person, list(patients.values())) if patients else {}

    def _rows(self, person: Person, studies: list[Study], zone: tzinfo) -> list[WorklistRow]:
        patients = self._patients.by_ids(person, {study.patient_id for study in studies})
        there = [study for study in studies if study.patient_id in patients]  # else both are deleted meanwhile
        shown = {study.id: as_known_to(person, study, patients[study.patient_id]) for study in there}
        answers = study_answers(self._session, there, {study.patient_id: shown[study.id] for study in there}, zone)
        outdated = outdated_conclusions(self._session, [study.id for study in there if study.conclusion])
        return [
            WorklistRow(study=study, patient=shown[study.id], answer=answer, is_outdated=study.id in outdated)
            for study, answer in zip(there, answers, strict=True)
        ]

    def _studies(
        self, person: Person, query: WorklistQuery, position: _Position | None, *, backwards: bool
    ) -> list[Study]:
        """Seek the position in its run, and go on into the other run; one study more than a page shows."""
        found: list[int] = []
        patients = self._patients.search.matching(person, query.text)
        by_id = patients is not None and len(patients) <= FEW and person.may(Right.SEE_ALL)
        few = patients if by_id else None
        is_walked = patients is None or few is not None
        for run in _runs(query, position, backwards=backwards):
            here = position if position and position.unread is run else None
            # A list of several values would be read whole and sorted: the index has the order of each by itself.
            named = [[value] for value in _named(query)] if is_walked else []
            rows = [
                _ordered(select(Study.id).where(*_wanted(person, query, [run], few, one)), query, here, backwards)
                for one in named or [_named(query)]
            ]
            limit = PAGE + 1 - len(found)
            if is_walked:
                found += self._first(rows, query.order, limit, backwards=backwards)
            else:
                found += self._matching(person, query.text, rows[0], limit)
            if len(found) > PAGE:
                break
        return self._fetched(found)

    def _first(self, walks: list[Select[int]], order: Order, limit: int, *, backwards: bool) -> list[int]:
        """Return the first studies of several walks, each of which is in list order."""
        rows = [row for walk in walks for row in self._session.execute(walk.add_columns(_COLUMNS[order]).limit(limit))]
        rows.sort(key=itemgetter(1, 0), reverse=not backwards)
        return [row[0] for row in rows[:limit]]

    def _matching(self, person: Person, text: str, studies: Select[int], limit: int) -> list[int]:
        """Return the first studies of the many patients whom a text finds: a walk in list order fills a page soon."""
        found = list[int]()
        start, batch = 0, _FIRST_BATCH
        while len(found) < limit:
            rows = self._session.execute(studies.add_columns(Study.patient_id).offset(start).limit(batch)).all()
            found += self._found_among(person, text, [(study, patient) for study, patient in rows])
            if len(rows) < batch:
                break
            start, batch = start + batch, batch * 8
        return found[:limit]

    def _found_among(self, person: Person, text: str, rows: list[tuple[int, int]]) -> list[int]:
        """Return those of these studies that a text finds, given with their patients, as the person may know them."""
        if person.may(Right.SEE_ALL):
            matching = self._patients.search.among(person, text, (patient for _study, patient in rows))
            return [study for study, patient in rows if patient in matching]
        known = self._patients.by_ids(person, {patient for _study, patient in rows})
        own = [study for study in self._fetched([study for study, _patient in rows]) if study.patient_id in known]
        return [one.id for one in own if finds(text, as_known_to(person, one, known[one.patient_id]).facts)]

    def _fetched(self, ids: list[int]) -> list[Study]:
        studies = {study.id: study for study in self._session.scalars(select(Study).where(Study.id.in_(ids)))}
        return [studies[number] for number in ids if number in studies]


def _wanted(
    person: Person, query: WorklistQuery, runs: list[bool], patients: list[int] | None, named: Sequence[str]
) -> Iterator[ColumnElement[bool]]:
    """Say which studies of some runs are wanted; of these patients alone, where they are few.

    `named` are the values, one of which a study's `named_findings` are to have; empty for any.
    """
    is_own = not person.may(Right.SEE_ALL)
    # Which no index helps: of few patients, or one's own, a database that has not counted its rows shall not walk the
    # clinic.
    clinic = Study.clinic_id if patients is None and not is_own else Study.clinic_id + 0
    yield clinic == person.clinic_id
    if is_own:
        yield uploaded_by(person)
    yield Study.unread.in_(runs) if len(runs) > 1 else Study.unread == runs[0]
    if patients is not None:
        yield Study.patient_id.in_(patients)
    if query.status:
        yield Study.status == query.status.value
    if named:
        yield Study.named_findings.in_(named) if len(named) > 1 else Study.named_findings == named[0]
    if query.since:
        yield Study.taken_at >= datetime.combine(query.since, time.min, query.zone)
    if query.until:
        yield Study.taken_at <= datetime.combine(query.until, time.max, query.zone)


def _named(query: WorklistQuery) -> list[str]:
    return values_with(query.finding) if query.finding else []


def _ordered(studies: Select[int], query: WorklistQuery, position: _Position | None, backwards: bool) -> Select[int]:
    """Order studies as the list is, from a position of their run on."""
    column = _COLUMNS[query.order]
    if position:
        studies = studies.where(_beyond(column, position, backwards=backwards))
    if backwards:
        return studies.order_by(column, Study.id)
    return studies.order_by(column.desc(), Study.id.desc())


def _runs(query: WorklistQuery, position: _Position | None, *, backwards: bool) -> list[bool]:
    """Name the runs from the position's on: True the unread, False the read."""
    runs = [False, True] if backwards else [True, False]
    runs = runs[runs.index(position.unread) :] if position else runs
    return [run for run in runs if run or not query.unread]


_COLUMNS: dict[Order, InstrumentedAttribute[datetime] | InstrumentedAttribute[float]] = {
    Order.NEWEST: Study.taken_at,
    Order.URGENT: Study.urgency,
    Order.PROBABLE: Study.probability,
}


def _position_text(study: Study, order: Order) -> str:
    value = study.taken_at.isoformat() if order is Order.NEWEST else repr(getattr(study, _COLUMNS[order].key))
    return f"{int(study.unread)}_{value}_{study.id}"


def _read_position(text: str, order: Order) -> _Position | None:
    """Read a position; one that cannot be understood is the beginning, or the end."""
    try:
        unread, value, last = text.split("_")
        position = datetime.fromisoformat(value).astimezone(UTC) if order is Order.NEWEST else _number(value)
        return _Position(unread == "1", position, row_number(last) or 0)
    except (ValueError, OverflowError, Rejected):
        return None


def _number(text: str) -> float:
    value = float(text)
    if not 0 <= value <= HIGHEST_URGENCY:
        raise ValueError(text)
    return value


def _beyond(
    column: InstrumentedAttribute[datetime] | InstrumentedAttribute[float], position: _Position, *, backwards: bool
) -> ColumnElement[bool]:
    """Select what lies beyond a position of its run; the first comparison is what an index can seek."""
    if backwards:
        return and_(column >= position.value, or_(column > position.value, Study.id > position.id))
    return and_(column <= position.value, or_(column < position.value, Study.id < position.id))
