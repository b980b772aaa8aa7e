"""How often doctors and the model say the same, doctor by doctor and version by version."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import Dialect, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.monitoring.row_changes import DeletedStudies, NewRows
from lungwise.monitoring.statistics import Share
from lungwise.monitoring.weeks import may_be_since
from lungwise.studies.diagnosis import agreement, gravest
from lungwise.studies.models import FilmRecord, Opinion, ReadingRecord, Study
from lungwise.studies.weeks import week_of

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often one doctor, or all of them, said the same as one version of the model where both said something."""

    doctor: str
    model: str
    share: Share


class _Said(NamedTuple):
    """One doctor's opinion, and the verdict that stood there when it was given."""

    opinion: int
    study: int
    week: date
    doctor: str
    model: str
    agrees: bool


class _Clinic:
    """One clinic's opinions in the weeks of a zone, and up to where the database was read. An opinion never changes."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.lock = threading.Lock()
        self._new, self._deleted = NewRows(Opinion.id), DeletedStudies()
        self._said: list[_Said] = []

    def refreshed(self, session: Session, clinic_id: int, since: date) -> list[_Said]:
        """Take in what is new since the last time: everything at first."""
        there = self._deleted.still_there(session, clinic_id)
        kept = set(there.tolist()) if there is not None else None
        if new := self._new.since_last(session):
            self._said += _read(session, clinic_id, since, new, self.zone)
        self._said = [one for one in self._said if one.week >= since and (kept is None or one.study in kept)]
        return self._said


_CLINICS: WeakKeyDictionary[Dialect, dict[int, _Clinic]] = WeakKeyDictionary()
_MAKING = threading.Lock()


def agreements(session: Session, person: Person, since: date, zone: tzinfo) -> list[Agreement]:
    """Count by doctor and version, of the studies of the weeks from `since` on; all doctors together come first.

    An opinion is compared with the gravest verdict of those that stood there when it was given. Where one of the two is
    uncertain, it is not counted.

    Parameters
    ----------
    zone
        The clinic's, in which its weeks begin.
    """
    person.need(Right.ADMINISTER)
    with _MAKING:
        clinics = _CLINICS.setdefault(session.get_bind().dialect, {})
        clinic = clinics.get(person.clinic_id)
        if clinic is None or clinic.zone != zone:
            clinic = clinics[person.clinic_id] = _Clinic(zone)
    with clinic.lock:
        said = clinic.refreshed(session, person.clinic_id, since)
    counts: Counter[tuple[str, str, bool]] = Counter()
    for one in said:
        counts[one.doctor, one.model, one.agrees] += 1
        counts["", one.model, one.agrees] += 1
    return [
        Agreement(
            doctor=doctor,
            model=model,
            share=Share(
                count=counts[doctor, model, True], total=counts[doctor, model, True] + counts[doctor, model, False]
            ),
        )
        for doctor, model in sorted({which[:2] for which in counts})
    ]


def _read(session: Session, clinic_id: int, since: date, new: Collection[int], zone: tzinfo) -> list[_Said]:
    query = select(Opinion.id, Opinion.author_name, Opinion.created_at, Opinion.conclusion, Study.id.label("study"))
    query = query.add_columns(Study.created_at.label("came_at")).join(Study, Study.id == Opinion.study_id)
    query = query.where(Study.clinic_id == clinic_id, may_be_since(since), Opinion.id >= min(new))
    rows = [row for row in session.execute(query.where(Opinion.conclusion.is_not(None))) if row.id in new]
    readings = _readings(session, np.unique([row.study for row in rows]).tolist())
    found = []
    for row in rows:
        stood = _newest(one for one in readings[row.study] if one.created_at <= row.created_at)
        agrees = agreement(row.conclusion, gravest(one.verdict for one in stood))
        if agrees is not None:
            newest = max(stood, key=lambda one: one.id)
            model = f"{newest.model} {newest.version}"
            week = week_of(row.came_at, zone)
            found.append(_Said(row.id, row.study, week, row.author_name, model, agrees))
    return found


class _Read(NamedTuple):
    id: int
    film: int
    created_at: datetime
    model: str
    version: str
    verdict: str | None


def _readings(session: Session, studies: Sequence[int]) -> defaultdict[int, list[_Read]]:
    """The readings of studies, by study."""
    columns: tuple[Any, ...] = (ReadingRecord.id, ReadingRecord.film_id, ReadingRecord.created_at, ReadingRecord.model)
    columns += (ReadingRecord.version, ReadingRecord.verdict)
    query = select(FilmRecord.study_id, *columns).join(FilmRecord, FilmRecord.id == ReadingRecord.film_id)
    found: defaultdict[int, list[_Read]] = defaultdict(list)
    for start in range(0, len(studies), _AT_ONCE):
        for study, *values in session.execute(query.where(FilmRecord.study_id.in_(studies[start : start + _AT_ONCE]))):
            found[study].append(_Read(*values))
    return found


def _newest(readings: Iterable[_Read]) -> list[_Read]:
    """The newest reading of each film, where that is not a refusal."""
    by_film = {one.film: one for one in sorted(readings, key=lambda one: one.id)}
    return [one for one in by_film.values() if one.verdict]
