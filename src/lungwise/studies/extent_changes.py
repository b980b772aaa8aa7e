"""What changed of the extent of opacity since an earlier film of the same patient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased, selectinload

from lungwise.access import Person
from lungwise.films.refusals import CHILD
from lungwise.patients.identity import PatientFacts, differences
from lungwise.patients.service import Patient
from lungwise.reading.extent import Difference, Extent, difference
from lungwise.studies.models import FilmRecord, Study
from lungwise.studies.numbers import decimals_apart
from lungwise.studies.visibility import visible_to


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtentChange:
    """From an earlier film to a later one.

    Parameters
    ----------
    film, taken_on
        The earlier film's key, and when it was taken.
    before, now
        Per cent of the lung fields on each.
    """

    film: str
    taken_on: date
    before: float
    now: float
    difference: Difference

    @property
    def rounded(self) -> Difference:
        """The difference as numbers for other systems, as fine as shows whether it is beyond repeatability."""
        points, repeatability = self.difference.points, self.difference.repeatability
        decimals = decimals_apart(abs(points), repeatability, fewest=1)
        return Difference(points=round(points, decimals), repeatability=round(repeatability, decimals))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparable:
    """A film whose extent can be held against another's: of those with the same `kind`."""

    record: FilmRecord
    extent: Extent
    taken_on: date
    kind: tuple[str, str, str, bool]


def extent_changes(studies: Iterable[Study], patient: Patient) -> dict[str, ExtentChange]:
    """Return what changed on the films of a patient's studies since earlier ones, by the film's key.

    A film is compared with the last one that was taken on an earlier day, from the same side (both AP or both PA), and
    read by the same version of the same model, both as an adult's or both as a child's. Of a patient whose identity is
    unclear nothing is compared, nor a film whose own header names somebody else.

    Parameters
    ----------
    studies
        With their films and readings.
    """
    if patient.is_unclear:
        return {}
    films = [found for study in studies for found in map(_comparable, study.films) if found]
    pairs = ((earlier, film) for film in films if (earlier := _earlier(film, films)))
    return {
        film.record.key: _change(earlier, film)
        for earlier, film in pairs
        if not any(_is_anothers(one.record, patient) for one in (earlier, film))
    }


def changes_of_patients(session: Session, person: Person, patients: Collection[Patient]) -> dict[str, ExtentChange]:
    """Return what changed on all films of many patients that a person sees; few of them have two to compare."""
    several = (
        select(Study.patient_id)
        .join(FilmRecord)
        .where(Study.patient_id.in_([patient.id for patient in patients]), visible_to(person))
        .where(FilmRecord.taken_on.is_not(None))
        .group_by(Study.patient_id)
        .having(func.count() > 1)
    )
    studies = (
        select(Study)
        .where(Study.patient_id.in_(session.scalars(several).all()), visible_to(person))
        .options(selectinload(Study.films).selectinload(FilmRecord.readings))
    )
    of_patient = defaultdict[int, list[Study]](list)
    for study in session.scalars(studies):
        of_patient[study.patient_id].append(study)
    changes = (extent_changes(of_patient[patient.id], patient) for patient in patients)
    return {film: change for found in changes for film, change in found.items()}


def compared_with(session: Session, films: Collection[int]) -> list[Study]:
    """List the other studies with a film of which it is said what changed since one of these, by their ids."""
    earlier, later, of_earlier, of_later = aliased(FilmRecord), aliased(FilmRecord), aliased(Study), aliased(Study)
    patients = (
        select(of_earlier.patient_id)
        .join(earlier, earlier.study_id == of_earlier.id)
        .join(of_later, (of_later.patient_id == of_earlier.patient_id) & (of_later.id != of_earlier.id))
        .join(later, later.study_id == of_later.id)
        .where(earlier.id.in_(films), later.taken_on > earlier.taken_on)
    )
    found = session.scalars(select(Patient).where(Patient.id.in_(patients))).all()
    return [study for patient in found for study in _compared_with(session, patient, films)]


def _compared_with(session: Session, patient: Patient, films: Collection[int]) -> Iterator[Study]:
    query = (
        select(Study)
        .where(Study.patient_id == patient.id)
        .options(selectinload(Study.films).selectinload(FilmRecord.readings))
        .execution_options(populate_existing=True)  # a reading may have been added just now
    )
    studies = session.scalars(query).all()
    changes = extent_changes(studies, patient)
    named = {film.key for study in studies for film in study.films if film.id in films}
    for study in studies:
        since = {changes[film.key].film for film in study.films if film.key in changes}
        if since & named and not any(film.id in films for film in study.films):
            yield study


def _comparable(record: FilmRecord) -> _Comparable | None:
    reading = record.reading
    if reading is None or reading.extent is None or reading.view is None or record.taken_on is None:
        return None
    kind = (reading.model, reading.version, reading.view, CHILD in (reading.warnings or ()))
    return _Comparable(record=record, extent=reading.extent, taken_on=record.taken_on, kind=kind)


def _earlier(film: _Comparable, films: Iterable[_Comparable]) -> _Comparable | None:
    earlier = (other for other in films if other.kind == film.kind and other.taken_on < film.taken_on)
    return max(earlier, key=lambda other: (other.taken_on, other.record.id), default=None)


def _is_anothers(record: FilmRecord, patient: Patient) -> bool:
    return bool(record.header) and bool(differences(patient.facts, PatientFacts.from_json(record.header)))


def _change(earlier: _Comparable, film: _Comparable) -> ExtentChange:
    return ExtentChange(
        film=earlier.record.key,
        taken_on=earlier.taken_on,
        before=earlier.extent.percent,
        now=film.extent.percent,
        difference=difference(earlier.extent, film.extent),
    )
