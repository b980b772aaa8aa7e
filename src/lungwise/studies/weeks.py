"""The weeks that studies are counted in: each begins on Monday where the clinic stands."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lungwise.studies.models import Study, monday

_LOOKED_BACK = timedelta(weeks=60)
_AT_ONCE = 500


def week_of(moment: datetime, zone: tzinfo) -> date:
    """Return the Monday of a moment's week in a zone."""
    return monday(moment.astimezone(zone).date())


def correct_weeks(session: Session, clinic_id: int, zone: tzinfo, now: datetime) -> int:
    """Put a clinic's studies of the last year into the weeks of a zone, and return how many stood in another.

    They do where the clinic's zone was changed, or where an earlier release counted weeks in UTC.
    """
    query = select(Study.id, Study.created_at, Study.week).where(Study.clinic_id == clinic_id)
    moved: defaultdict[date, list[int]] = defaultdict(list)
    for number, created_at, week in session.execute(query.where(Study.week >= (now - _LOOKED_BACK).date())):
        if (right := week_of(created_at, zone)) != week:
            moved[right].append(number)
    for week, studies in moved.items():
        for start in range(0, len(studies), _AT_ONCE):
            move = update(Study).where(Study.id.in_(studies[start : start + _AT_ONCE])).values(week=week)
            session.execute(move, execution_options={"synchronize_session": False})
    return sum(map(len, moved.values()))
