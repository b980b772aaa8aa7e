"""A clinic's films as columns of numbers, in memory: what is compared with reference results.

Each process reads them once and keeps them up to date, as it does the names of patients: a page must not read every
study anew. New readings are found by their ids, changed patients by `changed_at`, deleted studies by their number.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import IntEnum
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Dialect, Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from lungwise.films.film import ADULT
from lungwise.films.refusals import CHILD, PHOTOGRAPH
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.row_changes import DeletedStudies, NewRows
from lungwise.monitoring.verified import Floats, Ints
from lungwise.patients.identity import Identity, age_of
from lungwise.patients.service import Patient
from lungwise.reading.pattern import COVID
from lungwise.reading.reading import Verdict
from lungwise.store.database import Base
from lungwise.store.encryption import context_of
from lungwise.studies.models import FilmRecord, ReadingRecord, Study, said_by_model
from lungwise.studies.stored_answers import normal_and_pattern, raised_of
from lungwise.time_zones import day_in

FINDINGS = (COVID, "tuberculosis", "other pneumonia", "normal")
"""What is compared with results, in the order of the columns."""
NORMAL = FINDINGS.index("normal")
"""The one finding of which a patient's lowest film counts."""
LOW, MIDDLE, HIGH = 0, 1, 2
"""What was said of a film: negative, uncertain, positive; of a finding that has one threshold, only the outer two."""
MARGIN = timedelta(minutes=2)
"""How much later than it says a change may be seen: longer than transactions last and clocks are apart."""
_STRATA = {Verdict.NEGATIVE: LOW, Verdict.UNCERTAIN: MIDDLE, Verdict.POSITIVE: HIGH}
_AT_ONCE = 1000
_BORN = Base.metadata.tables[Patient.__tablename__].columns["birth_date"]
Texts = NDArray[np.object_]


class Standing(IntEnum):
    """Whether a film counts, and if not, why."""

    COUNTS = 0
    CHILD = 1
    PHOTOGRAPH = 2
    UNCLEAR = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class FilmTable:
    """Films that one version of a model has read.

    Parameters
    ----------
    film, study, patient
        (n,) ids.
    day
        (n,) ordinal of the day on which it was taken, or else came.
    score
        (n, findings) probability of each of `FINDINGS` as the model said it, whatever the clinic's own calibration.
    stratum
        (n, findings) what was said of it first, by whichever model.
    standing
        (n,) of `Standing`.
    age
        (n,) in years; -1 where it is not known.
    sex, view, device
        (n,) texts; '' where it is not known.
    """

    film: Ints
    study: Ints
    patient: Ints
    day: Ints
    score: Floats
    stratum: Ints
    standing: Ints
    age: Ints
    sex: Texts
    view: Texts
    device: Texts

    def only(self, some: NDArray[np.bool_] | Ints) -> FilmTable:
        """Return some of the films."""
        return FilmTable(**{one.name: getattr(self, one.name)[some] for one in fields(self)})

    @classmethod
    def joined(cls, tables: Sequence[FilmTable]) -> FilmTable:
        """Return the films of several tables."""
        return cls(**{one.name: np.concatenate([getattr(t, one.name) for t in tables]) for one in fields(cls)})

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]]) -> FilmTable:
        """Make a table of rows that have the columns' values in their order."""
        columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * len(fields(cls))
        film, study, patient, day, score, stratum, standing, age, *texts = columns
        whole = [np.array(values, np.int64) for values in (film, study, patient, day, standing, age)]
        sex, view, device = (np.array(values, object) for values in texts)
        return cls(
            film=whole[0],
            study=whole[1],
            patient=whole[2],
            day=whole[3],
            score=np.array(score, np.float64).reshape(-1, len(FINDINGS)),
            stratum=np.array(stratum, np.int64).reshape(-1, len(FINDINGS)),
            standing=whole[4],
            age=whole[5],
            sex=sex,
            view=view,
            device=device,
        )


class FilmTables:
    """The films of every clinic that was asked for. Safe in many threads at once."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._clinics: dict[tuple[int, Model], _Clinic] = {}

    def of(self, session: Session, clinic_id: int, model: Model, zone: tzinfo) -> FilmTable:
        """Return a clinic's films as they are now; the same table as long as nothing changes.

        Parameters
        ----------
        zone
            The clinic's: a film without a date is of the day on which it came, there.
        """
        with self._making:
            clinic = self._clinics.get((clinic_id, model))
            if clinic is None or clinic.zone != zone:
                clinic = self._clinics[clinic_id, model] = _Clinic(zone)
        with clinic.lock:
            return clinic.refreshed(session, clinic_id, model)


_TABLES: WeakKeyDictionary[Dialect, FilmTables] = WeakKeyDictionary()
_MAKING = threading.Lock()


def tables_of(session: Session) -> FilmTables:
    """Return the films of a session's database, one for the whole process."""
    with _MAKING:
        return _TABLES.setdefault(session.get_bind().dialect, FilmTables())


class _Clinic:
    """One clinic's films, and up to where the database was read."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.lock = threading.Lock()
        self._table = FilmTable.of([])
        self._readings = NewRows(ReadingRecord.id)
        self._patients: dict[int, datetime] | None = None
        self._deleted = DeletedStudies()

    def refreshed(self, session: Session, clinic_id: int, model: Model) -> FilmTable:
        """Take in what has changed since the last time: everything at first."""
        query = _QUERY.where(Study.clinic_id == clinic_id)
        query = query.where(ReadingRecord.model == model.name, ReadingRecord.version == model.version)
        patients = self._changed_patients(session, clinic_id)
        if (there := self._deleted.still_there(session, clinic_id)) is not None:
            self._table = self._table.only(np.isin(self._table.study, there))
        if new := self._readings.since_last(session):
            self._take(session, query.where(ReadingRecord.id >= min(new)))
        for start in range(0, len(patients), _AT_ONCE):
            some = patients[start : start + _AT_ONCE]
            self._take(session, query.where(or_(Study.patient_id.in_(some), Study.merged_from_id.in_(some))))
        return self._table

    def _take(self, session: Session, query: Select[Any]) -> None:
        rows = session.execute(query, execution_options={"yield_per": _AT_ONCE})
        if batches := [FilmTable.of([_values(row, self.zone) for row in batch]) for batch in rows.partitions()]:
            new = FilmTable.joined(batches)
            kept = self._table.only(~np.isin(self._table.film, new.film))
            self._table = FilmTable.joined([kept, new])

    def _changed_patients(self, session: Session, clinic_id: int) -> list[int]:
        """Return the ids of those patients who were changed since the last time; nobody the first time."""
        query = select(Patient.id, Patient.changed_at).where(Patient.clinic_id == clinic_id)
        newest = max(self._patients.values()) if self._patients else self._newest_change(session, clinic_id)
        rows = session.execute(query.where(Patient.changed_at >= newest - MARGIN)).all()
        before, self._patients = self._patients, {row.id: row.changed_at for row in rows}
        return [] if before is None else [row.id for row in rows if before.get(row.id) != row.changed_at]

    def _newest_change(self, session: Session, clinic_id: int) -> datetime:
        newest = session.scalar(select(func.max(Patient.changed_at)).where(Patient.clinic_id == clinic_id))
        return newest or datetime.now(UTC)


_first, _any = aliased(ReadingRecord), aliased(ReadingRecord)
_answered = select(func.min(_any.id)).where(_any.film_id == FilmRecord.id, _any.probability.is_not(None))
_photographed: ColumnElement[bool] = or_(FilmRecord.by_camera, FilmRecord.corners.is_not(None))
_QUERY = (
    select(
        FilmRecord.id.label("film"),
        Study.id.label("study"),
        Study.created_at.label("came_at"),
        FilmRecord.taken_on,
        FilmRecord.view,
        FilmRecord.device,
        _photographed.label("photographed"),
        said_by_model().label("probability"),
        ReadingRecord.findings.label("scored_findings"),
        ReadingRecord.model_findings,
        ReadingRecord.warnings,
        *(_first.verdict, _first.findings, _first.normal_called, _first.pattern, _first.raised, _first.thresholds),
        Patient.id.label("patient"),
        Patient.key.label("patient_key"),
        Patient.identity,
        Patient.sex,
        _BORN.label("born"),
    )
    .select_from(ReadingRecord)
    .join(FilmRecord, FilmRecord.id == ReadingRecord.film_id)
    .join(Study, Study.id == FilmRecord.study_id)
    .join(Patient, Patient.id == Study.patient_id)
    .join(_first, and_(_first.film_id == FilmRecord.id, _first.id == _answered.correlate(FilmRecord).scalar_subquery()))
    .where(ReadingRecord.probability.is_not(None))
)


def _values(row: Row[Any], zone: tzinfo) -> tuple[object, ...]:
    day = row.taken_on or day_in(zone, row.came_at)
    age, warnings = _age(row, day), row.warnings or ()
    return (
        row.film,
        row.study,
        row.patient,
        day.toordinal(),
        tuple(_scores(row.probability, row.model_findings or row.scored_findings)),
        tuple(_strata(row)),
        _standing(row, age, warnings),
        -1 if age is None else age,
        row.sex,
        row.view or "",
        row.device or "",
    )


def _age(row: Row[Any], day: date) -> int | None:
    if row.born is None:
        return None
    return age_of(date.fromisoformat(row.born.decrypt(context_of(_BORN, row.patient_key)).decode()), day)


def _standing(row: Row[Any], age: int | None, warnings: Sequence[str]) -> Standing:
    if row.identity == Identity.UNCLEAR:
        return Standing.UNCLEAR
    if row.photographed or PHOTOGRAPH in warnings:
        return Standing.PHOTOGRAPH
    return Standing.CHILD if (age < ADULT if age is not None else CHILD in warnings) else Standing.COUNTS


def _scores(probability: float, findings: dict[str, float]) -> Iterator[float]:
    for name in FINDINGS:
        yield probability if name == COVID else findings.get(name, 0.0)


def _strata(first: Row[Any]) -> Iterator[int]:
    """Yield what the first reading said of each finding when it was made."""
    (normal, _), raised = normal_and_pattern(first), raised_of(first)
    for name in FINDINGS:
        if name == COVID:
            yield _STRATA[Verdict(first.verdict)]
        else:
            yield HIGH if (normal.called if name == FINDINGS[NORMAL] else name in raised) else LOW
