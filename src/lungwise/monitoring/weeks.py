"""The weeks that statistics and drift look back over."""

from __future__ import annotations

from datetime import date, timedelta

from lungwise.studies.models import monday

WEEKS = 26


def last_weeks(today: date) -> list[date]:
    """Return the Mondays of the last 26 weeks, this week's last."""
    this = monday(today)
    return [this - timedelta(weeks=ago) for ago in reversed(range(WEEKS))]
