from __future__ import annotations

import numpy as np
import pytest

from lungwise.monitoring.cusum import RISE, Course, follow, run_length, watch

CLINICS = 200


def courses(share: float, films: int, wrong: float) -> list[Course]:
    """What the chart of a clinic with a share of misses does, over and over, at another share."""
    chart, random = watch(share, films), np.random.default_rng(7)
    return [follow(chart, random.random(films) < wrong) for _ in range(CLINICS)]


@pytest.mark.parametrize("share", [0.05, 0.19, 0.4])
@pytest.mark.parametrize("films", [100, 1000])
def test_a_clinic_in_which_nothing_changes_gets_at_most_one_alarm_a_year(share: float, films: int) -> None:
    alarms = [len(course.alarms) for course in courses(share, films, share)]
    assert np.mean(alarms) - 2 * np.std(alarms) / CLINICS**0.5 <= 1


@pytest.mark.parametrize("share", [0.05, 0.19, 0.4])
def test_a_loss_of_fifteen_points_is_seen_within_a_hundred_positives(share: float) -> None:
    first = [course.alarms[0] + 1 if course.alarms else 10**6 for course in courses(share, 1000, share + RISE)]
    assert np.median(first) <= 100


def test_the_more_films_a_year_the_higher_the_limit() -> None:
    limits = [watch(0.2, films).limit for films in (10, 100, 1000)]
    assert limits == sorted(limits)
    assert watch(0.2, 100, charts=4).limit > watch(0.2, 100).limit


def test_the_sum_begins_anew_after_an_alarm_and_never_falls_below_nothing() -> None:
    chart = watch(0.1, 200)
    course = follow(chart, [False] * 5 + [True] * 12)
    assert course.sums[:5] == (0.0,) * 5
    first = course.alarms[0]
    assert course.sums[first] >= chart.limit
    assert course.sums[first + 1] == pytest.approx(chart.steps[1])


def test_the_run_length_is_that_of_a_simulation() -> None:
    limit, random = 2.0, np.random.default_rng(5)
    chart = watch(0.2, 100)
    lengths = []
    for _ in range(400):
        total, films = 0.0, 0
        while total < limit:
            total = max(total + (chart.steps[1] if random.random() < 0.2 else chart.steps[0]), 0.0)
            films += 1
        lengths.append(films)
    assert run_length(0.2, limit) == pytest.approx(np.mean(lengths), rel=0.2)
