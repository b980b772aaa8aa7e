"""A clinic's charts of errors: the misses and the false alarms of each finding, in the order of their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np

from lungwise.monitoring.cusum import BASELINE, Course, Watch, expected_share, follow, watch
from lungwise.monitoring.local_films import LocalFilms
from lungwise.monitoring.verified import Flags, Ints
from lungwise.reading.artefact import Thresholds

YEAR = 365


class Errors(StrEnum):
    """A sort of wrong verdict."""

    MISSES = "misses"
    """Of patients with the finding: their film was called negative."""
    FALSE_ALARMS = "false alarms"
    """Of patients without it: their film was called positive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """That a chart's sum passed its limit.

    Parameters
    ----------
    result
        Id of the newest reference result when this was seen: results that came together raise one alarm.
    films, wrong
        Verified films since the sum was last at nothing before it, and the wrong verdicts among them.
    expected
        How many of them were to be expected.
    """

    result: int
    films: int
    wrong: int
    expected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorChart:
    """One chart of a clinic.

    Parameters
    ----------
    verified, wrong
        All verified films of the sort, and the wrong verdicts among them.
    chart, course
        What is watched for, and what came of it since the last alarm; None until there are `BASELINE` films.
    crossing
        The first alarm of the course.
    """

    finding: str
    errors: Errors
    verified: int
    wrong: int
    chart: Watch | None = None
    course: Course | None = None
    crossing: Crossing | None = None

    @property
    def missing(self) -> int:
        """How many verified films are still missing until the watch begins."""
        return max(BASELINE - self.verified, 0)

    @property
    def watched(self) -> int:
        """How many verified films the course goes over."""
        return len(self.course.sums) if self.course else 0

    @property
    def sum_now(self) -> float:
        """Where the sum stands."""
        return self.course.sums[-1] if self.course and self.course.sums else 0.0


@dataclass(frozen=True, slots=True)
class _Errors:
    """Whether the verdict on each verified film of one sort was wrong, and by which result, in the results' order."""

    wrong: Flags
    result: Ints
    a_year: int


def charts_of(
    films: Mapping[str, LocalFilms],
    thresholds: Callable[[str], Thresholds],
    since: Mapping[tuple[str, str], int],
    today: int,
) -> list[ErrorChart]:
    """Draw a clinic's charts, of each finding two.

    Parameters
    ----------
    films
        The clinic's films by finding, read by one version of a model.
    thresholds
        Those in force for a finding.
    since
        By finding and sort, the id of the result with which the last alarm was raised.
    today
        Ordinal of the day.
    """
    found = {
        (finding, errors): _errors(local, thresholds(finding), errors, today)
        for finding, local in films.items()
        for errors in Errors
    }
    ready = sum(len(one.wrong) >= BASELINE for one in found.values())
    return [_chart(*which, one, since.get(which, 0), max(ready, 1)) for which, one in found.items()]


def _errors(local: LocalFilms, thresholds: Thresholds, errors: Errors, today: int) -> _Errors:
    films, tested = local.films, local.result > 0
    if errors is Errors.MISSES:
        some, wrong = tested & films.positive, films.score < thresholds.lower
    else:
        some, wrong = tested & ~films.positive, films.score >= thresholds.upper
    places = np.flatnonzero(some)
    places = places[np.argsort(local.result[places], kind="stable")]
    return _Errors(wrong[places], local.result[places], int((films.day[places] > today - YEAR).sum()))


def _chart(finding: str, errors: Errors, found: _Errors, since: int, charts: int) -> ErrorChart:
    verified, wrong = len(found.wrong), int(found.wrong.sum())
    if verified < BASELINE:
        return ErrorChart(finding=finding, errors=errors, verified=verified, wrong=wrong)
    chart = _watch(round(expected_share(found.wrong[:BASELINE].tolist()), 3), _rounded(found.a_year), charts)
    later = np.arange(verified) >= BASELINE
    later &= found.result > since
    course = follow(chart, found.wrong[later].tolist())
    return ErrorChart(
        finding=finding,
        errors=errors,
        verified=verified,
        wrong=wrong,
        chart=chart,
        course=course,
        crossing=_crossing(chart, course, found.wrong[later], found.result[later]) if course.alarms else None,
    )


def _crossing(chart: Watch, course: Course, wrong: Flags, result: Ints) -> Crossing:
    first = next((n + 1 for n in range(course.alarms[0] - 1, -1, -1) if course.sums[n] == 0), 0)
    films = len(wrong) - first
    return Crossing(
        result=int(result[-1]),
        films=films,
        wrong=int(wrong[first:].sum()),
        expected=chart.expected * films,
    )


@lru_cache(maxsize=256)
def _watch(expected: float, films_a_year: int, charts: int) -> Watch:
    """Choose the limit once: a page must not work it out anew."""
    return watch(expected, films_a_year, charts)


def _rounded(films: int) -> int:
    """Round up to a power of the square root of two, so that the limit does not change with every film."""
    steps = np.ceil(2 * np.log2(max(films, 12)))
    return int(np.ceil(2 ** (steps / 2)))
