from datetime import date, timedelta
from itertools import pairwise

from lungwise.monitoring.weeks import last_weeks


def test_the_last_weeks_are_mondays_up_to_this_week() -> None:
    weeks = last_weeks(date(2026, 3, 4))
    assert len(weeks) == 26
    assert weeks[-1] == date(2026, 3, 2)
    assert {later - earlier for earlier, later in pairwise(weeks)} == {timedelta(days=7)}
