from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from lungwise.studies.first_day import first_day
from lungwise.studies.models import FilmRecord, Study


@pytest.mark.parametrize(
    ("days", "zone", "first"),
    [
        ([date(2026, 3, 1), date(2026, 2, 1), None], UTC, date(2026, 2, 1)),
        ([date(2999, 1, 1), date(2026, 2, 1)], UTC, date(2026, 2, 1)),
        ([date(2999, 1, 1)], UTC, None),
        ([None], UTC, None),
        ([], UTC, None),
        ([date(2026, 3, 3)], UTC, None),
        ([date(2026, 3, 3)], ZoneInfo("Pacific/Auckland"), date(2026, 3, 3)),  # where it is tomorrow already
    ],
)
def test_a_day_that_lies_ahead_of_the_upload_is_no_day_of_the_films(
    days: list[date | None], zone: tzinfo, first: date | None
) -> None:
    study = Study(key="s", created_at=datetime(2026, 3, 2, 20, 0, tzinfo=UTC))
    assert first_day(study, [FilmRecord(key="f", taken_on=day) for day in days], zone) == first
