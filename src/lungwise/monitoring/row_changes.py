"""What has changed in the database since it was last read, so that what is kept in memory is read once."""

from __future__ import annotations

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lungwise.monitoring.verified import Ints
from lungwise.studies.models import Study

_TRAIL = 1000
"""How many rows below the highest are looked for again: one may be committed after others with higher ids."""


class NewRows:
    """Finds the rows of a table, of any clinic, that were not there the last time, by their ids."""

    def __init__(self, column: InstrumentedAttribute[int]) -> None:
        self._column = column
        self._known: set[int] = set()

    def since_last(self, session: Session) -> set[int]:
        """Return the ids of new rows; everything's at first."""
        highest = max(self._known, default=0)
        ids = set(session.scalars(select(self._column).where(self._column > highest - _TRAIL)))
        new = ids - self._known
        highest = max(ids, default=highest)
        self._known = {number for number in ids if number > highest - _TRAIL}
        return new


class DeletedStudies:
    """Notices that studies of a clinic were deleted: then there are fewer than there were before and are new."""

    def __init__(self) -> None:
        self._count, self._highest = 0, 0

    def still_there(self, session: Session, clinic_id: int) -> Ints | None:
        """Return the ids of the clinic's studies where some were deleted since the last time; None where none was."""
        of_clinic = Study.clinic_id == clinic_id
        now = session.scalar(select(func.count()).select_from(Study).where(of_clinic)) or 0
        new = session.scalar(select(func.count()).select_from(Study).where(of_clinic, Study.id > self._highest)) or 0
        lost = now != self._count + new
        newest = session.scalar(select(func.max(Study.id)).where(of_clinic)) if new else None
        self._count, self._highest = now, newest or self._highest
        return np.array(session.scalars(select(Study.id).where(of_clinic)).all(), np.int64) if lost else None
