from __future__ import annotations

import numpy as np
import pytest

from lungwise.monitoring.cusum import BASELINE, RISE, Course, expected_share, follow, run_length, watch

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


def test_what_is_to_be_expected_leaves_room_for_chance_and_more_films_leave_less() -> None:
    first = [True] * 4 + [False] * 26
    assert expected_share(first) == pytest.approx(0.21, abs=0.005)
    assert 4 / 30 < expected_share(first * 4) < expected_share(first)
    assert 0 < expected_share([False] * 30) < 0.05


def test_a_clinic_whose_first_films_say_what_is_to_be_expected_gets_at_most_one_alarm_a_year() -> None:
    random = np.random.default_rng(11)
    alarms, seen = [], []
    for share in random.uniform(0.02, 0.35, 150):
        chart = watch(expected_share((random.random(BASELINE) < share).tolist()), 200)
        alarms.append(len(follow(chart, random.random(200) < share).alarms))
        lost = follow(chart, random.random(3000) < share + RISE).alarms
        seen.append(lost[0] if lost else 3000)
    assert np.mean(alarms) <= 1
    assert np.median(seen) <= 100
