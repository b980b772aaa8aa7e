"""A clinic's films as DICOM knows them: by the UIDs of their studies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, or_, select
from sqlalchemy.orm import Session, selectinload

from lungwise.access import Person, Right
from lungwise.patients.search import FEW
from lungwise.patients.service import Patients
from lungwise.store import keys_of
from lungwise.studies.header_index import accession_context
from lungwise.studies.models import FilmRecord, Study
from lungwise.studies.object_models import OtherObject

_WALKED_AT_ONCE = 500
_FETCHED_AT_ONCE = 30
AnyRow = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSearch:
    """What narrows a search for studies; each is empty where it says nothing. More may be found than is asked for.

    Parameters
    ----------
    studies, series, instances
        UIDs.
    patient_id
        The identifier of the patient, now or before a correction.
    words
        Beginnings of the words of the patient's name or identifier, now or before a correction.
    accession
        The number of the order.
    days
        The first and the last Study Date; None where there is no bound.
    """

    studies: frozenset[str] = frozenset()
    series: frozenset[str] = frozenset()
    instances: frozenset[str] = frozenset()
    patient_id: str = ""
    words: str = ""
    accession: str = ""
    days: tuple[date | None, date | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedStudy:
    """A DICOM study: its films, and whether there are other objects beside them."""

    films: list[FilmRecord]
    has_objects: bool


class Archive:
    """Finds films by the UIDs of their studies."""

    def __init__(self, session: Session, patients: Patients) -> None:
        self._session = session
        self._patients = patients

    def studies(self, person: Person, search: ArchiveSearch | None = None) -> Iterator[ArchivedStudy]:
        """Walk over DICOM studies, the newest first."""
        person.need(Right.SEE_ALL)
        uids = self._uids(person, search or ArchiveSearch())
        while batch := list(islice(uids, _FETCHED_AT_ONCE)):
            found = self._films(person, batch)
            ids = {film.study.patient_id for films in found.values() for film in films}
            patients = self._patients.by_ids(person, ids)  # held, so that nobody asks for them one by one
            with_objects = self._with_objects(person, batch)
            for uid, films in found.items():
                yield ArchivedStudy(films=films, has_objects=uid in with_objects)
            del patients

    def _with_objects(self, person: Person, uids: Iterable[str]) -> set[str]:
        of_clinic = (OtherObject.clinic_id == person.clinic_id, OtherObject.study_uid.in_(uids))
        return set(self._session.scalars(select(OtherObject.study_uid).where(*of_clinic).distinct()))

    def _uids(self, person: Person, search: ArchiveSearch) -> Iterator[str]:
        """Walk over the UIDs of studies, each once, that with the newest film first."""
        rows = self._narrowed(person, search)
        newest = self._walk(person, search) if rows is None else iter(sorted(rows, key=_film_id, reverse=True))
        seen: set[str] = set()
        for row in newest:
            if row.study_uid not in seen:
                seen.add(row.study_uid)
                yield row.study_uid

    def _narrowed(self, person: Person, search: ArchiveSearch) -> Sequence[AnyRow] | None:
        """Return the films that indexes leave; None where no index leaves few."""
        which = [*self._of_patients(person, search), *self._of_uids(person, search)]
        if search.accession:
            context = accession_context(person.clinic_id)
            numbered = FilmRecord.accession_index.in_(keys_of(self._session).indexes(context, search.accession))
            return self._rows(person, *which, numbered) + self._not_indexed(person, *which)
        if which:
            return self._rows(person, *which, *_not_without(*(search.days or (None, None))))
        if search.days is not None and not search.words:
            return self._of_days(person, *search.days) + self._not_indexed(person)
        return None

    def _rows(self, person: Person, *which: ColumnElement[bool]) -> list[AnyRow]:
        return list(self._session.execute(self._query(person, *which)))

    def _query(self, person: Person, *which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
        query = select(FilmRecord.id, FilmRecord.study_uid).join(Study).where(_clinic() == person.clinic_id)
        return query.where(FilmRecord.study_uid.is_not(None), *which)

    def _not_indexed(self, person: Person, *which: ColumnElement[bool]) -> list[AnyRow]:
        """Return films of an earlier release that are not indexed yet: whatever is asked may be theirs."""
        query = self._query(person, FilmRecord.accession_index.is_(None), *which)
        return list(self._session.execute(query.order_by(FilmRecord.id.desc()).limit(FEW)))

    def _of_days(self, person: Person, first: date | None, last: date | None) -> list[AnyRow]:
        """Return the newest films of some days."""
        query = select(FilmRecord.id, FilmRecord.study_uid)
        query = query.where(*_within(first, last), _clinic_of_film() == person.clinic_id)
        newest = FilmRecord.study_date.desc(), FilmRecord.id.desc()
        return list(self._session.execute(query.order_by(*newest).limit(FEW + 1)))

    def _of_patients(self, person: Person, search: ArchiveSearch) -> Iterator[ColumnElement[bool]]:
        if search.patient_id:
            yield self._of(person, self._patients.ids_having(person, search.patient_id), search.patient_id)
        found = self._patients.search.matching(person, search.words)
        if found is not None and len(found) <= FEW:
            yield self._of(person, found, search.words)

    def _of(self, person: Person, patients: Collection[int], text: str) -> ColumnElement[bool]:
        """Leave the studies of some patients, and of those whom a text found before they were corrected."""
        former = self._patients.search.former(person, text)
        its = Study.patient_id.in_({*patients, *former})
        return or_(its, Study.merged_from_id.in_(former)) if former else its

    def _of_uids(self, person: Person, search: ArchiveSearch) -> Iterator[ColumnElement[bool]]:
        """Narrow by UIDs; those of results are in no table, and narrow nothing."""
        if search.studies:
            yield FilmRecord.study_uid.in_(search.studies)
        for film, other, uids in (
            (FilmRecord.series_uid, OtherObject.series_uid, search.series),
            (FilmRecord.instance_uid, OtherObject.instance_uid, search.instances),
        ):
            of_films = select(FilmRecord.study_uid, film.label("uid")).where(film.in_(uids))
            of_others = select(OtherObject.study_uid, other.label("uid"))
            of_others = of_others.where(OtherObject.clinic_id == person.clinic_id, other.in_(uids))
            found = self._found_in(uids, of_films, of_others) if uids and not search.studies else None
            if found is not None:
                yield FilmRecord.study_uid.in_(found)

    def _found_in(self, uids: frozenset[str], *queries: Select[*tuple[Any, ...]]) -> set[str] | None:
        """Return the studies that have these UIDs; None where one is in no table."""
        known: set[str] = set()
        studies: set[str] = set()
        for query in queries:
            rows = self._session.execute(query).all()
            studies |= {row.study_uid for row in rows if row.study_uid}
            known |= {row.uid for row in rows}
            if known >= uids:
                return studies
        return None

    def _walk(self, person: Person, search: ArchiveSearch) -> Iterator[AnyRow]:
        """Walk over films, the newest first, without those of other days and of patients whom no word means."""
        patient = select(Study.patient_id).where(Study.id == FilmRecord.study_id).scalar_subquery().label("patient_id")
        query = select(FilmRecord.id, FilmRecord.study_uid, patient).where(
            FilmRecord.study_uid.is_not(None),
            _clinic_of_film() == person.clinic_id,
            *_not_without(*(search.days or (None, None))),
        )
        query = query.order_by(FilmRecord.id.desc()).limit(_WALKED_AT_ONCE)
        last: int | None = None
        while rows := self._session.execute(query if last is None else query.where(FilmRecord.id < last)).all():
            last = rows[-1].id
            meant = None
            if search.words:
                meant = self._patients.search.among(person, search.words, {row.patient_id for row in rows})
                meant |= self._patients.search.former(person, search.words)
            yield from (row for row in rows if meant is None or row.patient_id in meant)

    def _films(self, person: Person, uids: Sequence[str]) -> dict[str, list[FilmRecord]]:
        query = (
            select(FilmRecord)
            .where(FilmRecord.study_uid.in_(uids), _clinic_of_film() == person.clinic_id)
            .options(
                selectinload(FilmRecord.readings),
                selectinload(FilmRecord.attributes),
                selectinload(FilmRecord.study).selectinload(Study.opinions),
                selectinload(FilmRecord.study).selectinload(Study.films),
            )
            .order_by(FilmRecord.id)
        )
        films: dict[str, list[FilmRecord]] = {uid: [] for uid in uids}
        for film in self._session.scalars(query):
            films[film.study_uid or ""].append(film)
        return films


def _within(first: date | None, last: date | None) -> list[ColumnElement[bool]]:
    day = FilmRecord.study_date
    return [day.is_not(None), *([day >= first] if first else []), *([day <= last] if last else [])]


def _not_without(first: date | None, last: date | None) -> Iterator[ColumnElement[bool]]:
    """Leave out films of other days, and none whose day is not known; the database must not walk over these days."""
    if first:
        yield func.coalesce(FilmRecord.study_date, first) >= first
    if last:
        yield func.coalesce(FilmRecord.study_date, last) <= last


def _film_id(row: AnyRow) -> int:
    return int(row.id)


def _clinic() -> ColumnElement[int]:
    """Ask for a study's clinic last, so that the database walks over what is searched for and not over the clinic."""
    return func.coalesce(Study.clinic_id, 0)


def _clinic_of_film() -> ColumnElement[int]:
    """Look a film's clinic up beside the film, so that the database walks over films and not over studies."""
    return func.coalesce(select(Study.clinic_id).where(Study.id == FilmRecord.study_id).scalar_subquery(), 0)
