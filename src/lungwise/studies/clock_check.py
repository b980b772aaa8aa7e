"""Whether the server's clock can be right: it is not where studies were uploaded later than it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lungwise.store import Clock
from lungwise.studies.models import Study

_TOLERANCE = timedelta(days=1)
_NEWEST = 100
"""Studies that are looked at: further back lies what a clock that was wrong once has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockContradiction:
    """What the clock shows, and when the last upload was, more than a day later."""

    now: datetime
    last_upload: datetime


class ClockCheck:
    """Compares the clock with the last uploads, whichever clinic's they are."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def contradiction(self) -> ClockContradiction | None:
        """Return what speaks against the clock; None where nothing does."""
        oldest = select(func.max(Study.id) - _NEWEST).scalar_subquery()
        last, now = self._session.scalar(select(func.max(Study.created_at)).where(Study.id > oldest)), self._clock()
        return ClockContradiction(now=now, last_upload=last) if last and last - now > _TOLERANCE else None
