"""How often doctors and the model say the same: doctor by doctor and version by version, and study by study."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import Dialect, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.monitoring.row_changes import DeletedStudies, NewRows
from lungwise.monitoring.share import Share
from lungwise.reading.reading import Verdict
from lungwise.studies.diagnosis import as_verdict
from lungwise.studies.models import FilmRecord, Opinion, ReadingRecord, Study

_AT_ONCE = 500
_DECIDED = (Verdict.NEGATIVE, Verdict.POSITIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often one doctor, or all of them, said the same as one version of the model where both said something."""

    doctor: str
    model: str
    share: Share


class _Said(NamedTuple):
    """One doctor's conclusion, and whether it agrees with the verdict that stood there when it was given.

    Where one of the two is uncertain, or no verdict stood there, `agrees` is None.
    """

    opinion: int
    study: int
    week: date
    doctor: str
    model: str
    agrees: bool | None


class _Clinic:
    """One clinic's opinions, and up to where the database was read. An opinion never changes.

    The weeks of studies are those of a zone.
    """

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.lock = threading.Lock()
        self._new, self._deleted = NewRows(Opinion.id), DeletedStudies()
        self._said: list[_Said] = []

    def refreshed(self, session: Session, clinic_id: int, since: date) -> list[_Said]:
        """Take in what is new since the last time: everything at first."""
        there = self._deleted.still_there(session, clinic_id)
        kept = set(there.tolist()) if there is not None else None
        self._said = [one for one in self._said if one.week >= since and (kept is None or one.study in kept)]
        new = sorted(self._new.since_last(session))
        if new:
            self._said += _read(session, clinic_id, since, set(new))
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
    counts: Counter[tuple[str, str, bool]] = Counter()
    for one in _said(session, person.clinic_id, since, zone):
        if one.agrees is not None:
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


def share_of_studies(session: Session, clinic_id: int, since: date, zone: tzinfo) -> Share:
    """Count the studies of the same weeks by the newest conclusion of each, compared as in `agreements`."""
    newest = {one.study: one for one in sorted(_said(session, clinic_id, since, zone))}
    compared = [one.agrees for one in newest.values() if one.agrees is not None]
    return Share(count=sum(compared), total=len(compared))


def _said(session: Session, clinic_id: int, since: date, zone: tzinfo) -> list[_Said]:
    with _MAKING:
        clinics = _CLINICS.setdefault(session.get_bind().dialect, {})
        clinic = clinics.get(clinic_id)
        if clinic is None or clinic.zone != zone:
            clinic = clinics[clinic_id] = _Clinic(zone)
    with clinic.lock:
        return clinic.refreshed(session, clinic_id, since)


def _read(session: Session, clinic_id: int, since: date, new: Collection[int]) -> list[_Said]:
    query = select(Opinion.id, Opinion.author_name, Opinion.created_at, Opinion.conclusion, Study.id.label("study"))
    query = query.add_columns(Study.week).join(Study, Study.id == Opinion.study_id)
    query = query.where(Study.clinic_id == clinic_id, Study.week >= since, Opinion.id >= min(new))
    query = query.where(Opinion.conclusion.is_not(None))
    rows = [row for row in session.execute(query) if row.id in new]
    readings = _readings(session, np.unique([row.study for row in rows]).tolist())
    found = []
    for row in rows:
        before = [one for one in readings[row.study] if one.created_at <= row.created_at]
        newest = max(before, key=lambda one: one.id, default=None)
        model = f"{newest.model} {newest.version}" if newest else ""
        found.append(_Said(row.id, row.study, row.week, row.author_name, model, _agrees(row.conclusion, before)))
    return found


def _agrees(conclusion: str, readings: Sequence[_Read]) -> bool | None:
    """Return whether a conclusion and the verdict of some readings say the same; None where one of them is not sure."""
    concluded, said = as_verdict(conclusion), _verdict(readings) if readings else None
    return concluded == said if concluded in _DECIDED and said in _DECIDED else None


class _Read(NamedTuple):
    id: int
    film: int
    created_at: datetime
    model: str
    version: str
    verdict: str


def _readings(session: Session, studies: Sequence[int]) -> defaultdict[int, list[_Read]]:
    """The readings of studies, by study."""
    columns: tuple[Any, ...] = (ReadingRecord.id, ReadingRecord.film_id, ReadingRecord.created_at, ReadingRecord.model)
    columns += (ReadingRecord.version, ReadingRecord.verdict)
    query = select(FilmRecord.study_id, *columns).join(FilmRecord, FilmRecord.id == ReadingRecord.film_id)
    found: defaultdict[int, list[_Read]] = defaultdict(list)
    for start in range(0, len(studies), _AT_ONCE):
        some = query.where(FilmRecord.study_id.in_(studies[start : start + _AT_ONCE]))
        for study, *values in session.execute(some.where(ReadingRecord.verdict.is_not(None))):
            found[study].append(_Read(*values))
    return found


def _verdict(readings: Sequence[_Read]) -> Verdict:
    """The gravest verdict of the films, each by its newest reading: that of their study."""
    newest = {one.film: one for one in sorted(readings, key=lambda one: one.id)}
    return max((Verdict(one.verdict) for one in newest.values()), key=lambda said: said.rank)
