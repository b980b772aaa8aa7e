from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lungwise.monitoring.cusum import BASELINE
from lungwise.monitoring.error_charts import ErrorChart, Errors, charts_of
from lungwise.monitoring.film_table import FilmTable
from lungwise.monitoring.local_films import LocalFilms
from lungwise.monitoring.verified import ReadFilms
from lungwise.reading.artefact import Thresholds
from lungwise.reading.pattern import COVID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DAY = 740_000
QUIET = [n % 10 == 0 for n in range(BASELINE)]
"""One in ten of the first films is missed."""


def charts(
    score: Sequence[float], positive: Sequence[bool], since: Mapping[tuple[str, str], int] | None = None
) -> dict[str, ErrorChart]:
    """The two charts of a finding, of films in the order of their results' ids, which begin at 1."""
    count = len(score)
    films = ReadFilms(
        score=np.array(score),
        stratum=np.zeros(count, np.int64),
        verification=np.ones(count, np.int64),
        positive=np.array(positive, bool),
        day=np.full(count, DAY),
    )
    local = LocalFilms(films=films, table=FilmTable.of([]), result=np.arange(1, count + 1), left_out=0)
    found = charts_of({COVID: local}, lambda _finding: Thresholds(lower=0.2, upper=0.7), since or {}, DAY)
    return {one.errors: one for one in found}


def misses(missed: Sequence[bool], since: int = 0) -> ErrorChart:
    """The chart of misses of patients with the finding, in the order of their results."""
    score = [0.1 if one else 0.9 for one in missed]
    return charts(score, [True] * len(score), {(COVID, Errors.MISSES): since})[Errors.MISSES]


def test_each_sort_of_error_has_its_films_and_its_threshold() -> None:
    found = charts([0.1, 0.5, 0.9, 0.1, 0.5, 0.9, 0.8], [True] * 3 + [False] * 4)
    assert (found[Errors.MISSES].verified, found[Errors.MISSES].wrong) == (3, 1)
    assert (found[Errors.FALSE_ALARMS].verified, found[Errors.FALSE_ALARMS].wrong) == (4, 2)


def test_the_watch_begins_after_the_first_films() -> None:
    early = misses(QUIET[:-1])
    assert (early.missing, early.chart, early.watched, early.sum_now) == (1, None, 0, 0)
    begun = misses([*QUIET, True])
    assert begun.chart is not None
    assert begun.chart.expected > sum(QUIET) / BASELINE
    assert (begun.missing, begun.watched) == (0, 1)
    assert begun.sum_now == pytest.approx(begun.chart.steps[1])


def test_a_series_of_misses_is_a_crossing_that_says_what_it_rests_on() -> None:
    chart = misses([*QUIET, *[False] * 5, *[True] * 12])
    crossing = chart.crossing
    assert crossing is not None
    assert crossing.films == crossing.wrong == crossing.result - BASELINE - 5
    assert 0 < crossing.expected < crossing.wrong


def test_after_an_alarm_the_count_begins_anew() -> None:
    missed = [*QUIET, *[False] * 5, *[True] * 12]
    first = misses(missed).crossing
    assert first is not None
    after = misses(missed, since=first.result)
    assert after.watched == len(missed) - first.result
    assert misses([*missed[: first.result], *[False] * 40], since=first.result).crossing is None


def test_films_without_a_result_and_clinics_without_films_count_for_nothing() -> None:
    assert charts([], [])[Errors.MISSES].verified == 0
