"""What a second model said of a clinic's films, as columns in memory: read once, and then only what is new."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import Dialect, Select, select
from sqlalchemy.orm import Session

from lungwise.monitoring.film_table import FINDINGS
from lungwise.monitoring.models import ShadowReading
from lungwise.monitoring.row_changes import NewRows
from lungwise.monitoring.verified import Floats, Ints
from lungwise.studies.models import FilmRecord, Study


class _Clinic:
    """One clinic's films, in the order of their ids. What a second model said never changes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._new = NewRows(ShadowReading.id)
        self._film: Ints = np.zeros(0, np.int64)
        self._score: Floats = np.zeros((0, len(FINDINGS)))

    def refreshed(self, session: Session, clinic_id: int, shadow_id: int) -> tuple[Ints, Floats]:
        """Take in what is new since the last time: everything at first."""
        new = self._new.since_last(session)
        rows = [row for row in session.execute(_query(clinic_id, shadow_id, min(new))) if row.id in new] if new else []
        if rows:
            said = [[row.findings.get(name, np.nan) for name in FINDINGS] for row in rows]
            film = np.concatenate([self._film, np.array([row.film_id for row in rows], np.int64)])
            score = np.concatenate([self._score, np.array(said, np.float64)])
            order = np.argsort(film)
            self._film, self._score = film[order], score[order]
        return self._film, self._score


_CLINICS: WeakKeyDictionary[Dialect, defaultdict[tuple[int, int], _Clinic]] = WeakKeyDictionary()
_MAKING = threading.Lock()


def shadow_answers(session: Session, clinic_id: int, shadow_id: int) -> tuple[Ints, Floats]:
    """Return the films that a second model has answered, in order, and its scores: NaN of those that it refuses.

    Of a film that was deleted since, they may still say something. Safe in many threads at once.
    """
    with _MAKING:
        clinic = _CLINICS.setdefault(session.get_bind().dialect, defaultdict(_Clinic))[clinic_id, shadow_id]
    with clinic.lock:
        return clinic.refreshed(session, clinic_id, shadow_id)


def _query(clinic_id: int, shadow_id: int, first: int) -> Select[*tuple[Any, ...]]:
    query = select(ShadowReading.id, ShadowReading.film_id, ShadowReading.findings)
    query = query.join(FilmRecord, FilmRecord.id == ShadowReading.film_id)
    query = query.join(Study, Study.id == FilmRecord.study_id).where(Study.clinic_id == clinic_id)
    return query.where(ShadowReading.shadow_id == shadow_id, ShadowReading.id >= first)
