"""What a version of a model answered on a clinic's films of the last weeks, refusals too, as columns in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta, tzinfo
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Dialect, Row, Select, or_, select
from sqlalchemy.orm import Session

from lungwise.films.refusals import PHOTOGRAPH
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.row_changes import DeletedStudies, NewRows
from lungwise.monitoring.verified import Flags, Floats, Ints
from lungwise.monitoring.weeks import may_be_since
from lungwise.studies.models import FilmRecord, ReadingRecord, Study, said_by_model
from lungwise.studies.weeks import week_of

_AT_ONCE = 1000
_KEPT = timedelta(weeks=52)
"""How long before the weeks that are asked for the kept ones may begin: nobody looks back over more."""
Texts = NDArray[np.object_]


@dataclass(frozen=True, eq=False, kw_only=True)
class AnswerTable:
    """The answers of one version of a model.

    Parameters
    ----------
    study
        (n,) ids.
    week
        (n,) ordinal of the Monday of the study's week where the clinic stands.
    probability, gate, grey, contrast
        (n,) of COVID-19 as the model gave it, and of the picture; NaN where there is none.
    refusal
        (n,) code of the refusal; '' of a film that was read.
    device, view
        (n,) texts; '' where it is not known.
    photograph
        (n,) whether it was photographed.
    """

    study: Ints
    week: Ints
    probability: Floats
    gate: Floats
    grey: Floats
    contrast: Floats
    refusal: Texts
    device: Texts
    view: Texts
    photograph: Flags

    def only(self, some: NDArray[np.bool_] | Ints) -> AnswerTable:
        """Return some of the answers."""
        return AnswerTable(**{one.name: getattr(self, one.name)[some] for one in fields(self)})

    @property
    def read(self) -> AnswerTable:
        """Those that are no refusal."""
        return self.only(~np.isnan(self.probability))

    @classmethod
    def joined(cls, tables: Sequence[AnswerTable]) -> AnswerTable:
        """Return the answers of several tables."""
        return cls(**{one.name: np.concatenate([getattr(t, one.name) for t in tables]) for one in fields(cls)})

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]]) -> AnswerTable:
        """Make a table of rows that have the columns' values in their order."""
        columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * len(fields(cls))
        kinds = (np.int64, np.int64, *[np.float64] * 4, *[object] * 3, bool)
        return cls(
            **{one.name: np.array(values, kind) for one, values, kind in zip(fields(cls), columns, kinds, strict=True)}
        )


class _Clinic:
    """One clinic's answers of the weeks of a zone from `since` on, and up to where the database was read."""

    def __init__(self, since: date, zone: tzinfo) -> None:
        self.since = since
        self.zone = zone
        self.lock = threading.Lock()
        self._table = AnswerTable.of([])
        self._new, self._deleted = NewRows(ReadingRecord.id), DeletedStudies()

    def refreshed(self, session: Session, query: Select[*tuple[Any, ...]], clinic_id: int) -> AnswerTable:
        """Take in what is new since the last time: everything at first."""
        if (there := self._deleted.still_there(session, clinic_id)) is not None:
            self._table = self._table.only(np.isin(self._table.study, there))
        new = self._new.since_last(session)
        if new:
            query = query.where(may_be_since(self.since), ReadingRecord.id >= min(new))
            rows = session.execute(query, execution_options={"yield_per": _AT_ONCE})
            batches = [_table([row for row in batch if row.id in new], self.zone) for batch in rows.partitions()]
            self._table = AnswerTable.joined([self._table, *batches])
        return self._table


_CLINICS: WeakKeyDictionary[Dialect, dict[tuple[int, Model], _Clinic]] = WeakKeyDictionary()
_MAKING = threading.Lock()


def answers_of(session: Session, clinic_id: int, model: Model, since: date, zone: tzinfo) -> AnswerTable:
    """Return what a model answered on a clinic's films of the weeks from `since` on. Safe in many threads at once.

    Several look back over as many weeks as each needs: what is kept is for the longest of them.

    Parameters
    ----------
    zone
        The clinic's, in which its weeks begin.
    """
    with _MAKING:
        clinics = _CLINICS.setdefault(session.get_bind().dialect, {})
        clinic = clinics.get((clinic_id, model))
        if clinic is None or clinic.zone != zone or not clinic.since <= since <= clinic.since + _KEPT:
            clinic = clinics[clinic_id, model] = _Clinic(since, zone)
    query = _QUERY.where(Study.clinic_id == clinic_id)
    query = query.where(ReadingRecord.model == model.name, ReadingRecord.version == model.version)
    with clinic.lock:
        table = clinic.refreshed(session, query, clinic_id)
    return table.only(table.week >= since.toordinal())


_QUERY = (
    select(
        ReadingRecord.id,
        Study.id.label("study"),
        Study.created_at.label("came_at"),
        said_by_model().label("probability"),
        ReadingRecord.gate,
        ReadingRecord.grey,
        ReadingRecord.contrast,
        ReadingRecord.refusal_code,
        ReadingRecord.warnings,
        FilmRecord.device,
        FilmRecord.view,
        or_(FilmRecord.by_camera, FilmRecord.corners.is_not(None)).label("photographed"),
    )
    .select_from(Study)
    .join(FilmRecord, FilmRecord.study_id == Study.id)
    .join(ReadingRecord, ReadingRecord.film_id == FilmRecord.id)
)


def _table(rows: Sequence[Row[Any]], zone: tzinfo) -> AnswerTable:
    return AnswerTable.of(
        [
            (
                row.study,
                week_of(row.came_at, zone).toordinal(),
                *(np.nan if one is None else one for one in (row.probability, row.gate, row.grey, row.contrast)),
                row.refusal_code or "",
                row.device or "",
                row.view or "",
                bool(row.photographed or PHOTOGRAPH in (row.warnings or ())),
            )
            for row in rows
        ]
    )
