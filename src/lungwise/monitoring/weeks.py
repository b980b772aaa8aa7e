"""The weeks that statistics and drift look back over."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import ColumnElement

from lungwise.store import Clock
from lungwise.studies.models import Study, monday
from lungwise.studies.weeks import week_of
from lungwise.time_zones import ZoneOf

WEEKS = 26


class ClinicWeeks:
    """The last weeks as they are where a clinic stands."""

    def __init__(self, clock: Clock, zone_of: ZoneOf) -> None:
        self._clock = clock
        self._zone_of = zone_of

    def last(self, clinic_id: int) -> list[date]:
        """Return the Mondays of a clinic's last 26 weeks, this week's last."""
        return last_weeks(week_of(self._clock(), self._zone_of(clinic_id)))


def last_weeks(today: date) -> list[date]:
    """Return the Mondays of the last 26 weeks, this week's last."""
    this = monday(today)
    return [this - timedelta(weeks=ago) for ago in reversed(range(WEEKS))]


def may_be_since(week: date) -> ColumnElement[bool]:
    """Select the studies of a week and of those after it, in whichever zone, and some of the week before.

    Which week a study is stored with is corrected only some time after the installation's zone was changed.
    """
    return Study.week >= week - timedelta(weeks=1)
