"""A watch over misses and false alarms: the sum that grows with each one too many, and from where on it is an alarm.

The cumulative sum chart of Page (Biometrika 41 (1954) 100) in the form for yes or no (Reynolds & Stoumbos, J. Quality
Technology 31 (1999) 87; in medicine Steiner et al., Biostatistics 1 (2000) 441): each verified film moves the sum by
the logarithm of how much likelier what happened is if the share of wrong verdicts has risen by `RISE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np

RISE = 0.15
"""The rise of the share of misses, or of false alarms, that the watch is made for."""
FALSE_ALARMS_A_YEAR = 0.8
"""How many alarms a clinic may get in a year in which nothing has changed, from all of its charts together."""
BASELINE = 30
"""How many verified films say at first what share of wrong verdicts is to be expected; the watch begins after them."""
_CAUTIOUS = 1.04
"""Standard normal quantile of 85 %: so sure is it that no higher share is to be expected. Were it the share itself, a
clinic whose first films went well by chance would get alarms for nothing."""
_STATES = 150
_HIGHEST_RATE = 0.6
_BISECTIONS = 12
_LOWEST_RATE, _FEWEST_A_YEAR = 0.01, 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The chart of one sort of error.

    Parameters
    ----------
    expected
        The share of wrong verdicts while nothing has changed.
    limit
        The sum from which on it is an alarm.
    """

    expected: float
    limit: float

    @property
    def steps(self) -> tuple[float, float]:
        """What a right verdict and a wrong one add to the sum."""
        return _steps(self.expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The sum after each verified film, and at which of them an alarm was given; the sum then begins anew."""

    sums: tuple[float, ...]
    alarms: tuple[int, ...]


def expected_share(wrong: Sequence[bool]) -> float:
    """Return the share of wrong verdicts that is to be expected after the first films: the upper end of an interval.

    Wilson, J. Am. Stat. Assoc. 22 (1927) 209, one-sided.
    """
    share, spread = sum(wrong) / len(wrong), _CAUTIOUS**2 / len(wrong)
    half = _CAUTIOUS * sqrt(share * (1 - share) / len(wrong) + spread / (4 * len(wrong)))
    return (share + spread / 2 + half) / (1 + spread)


def watch(expected: float, films_a_year: float, charts: int = 1) -> Watch:
    """Choose the limit for a clinic.

    Parameters
    ----------
    expected
        The share of wrong verdicts that is to be expected.
    films_a_year
        How many films of that sort are verified in a year: the more, the higher the limit.
    charts
        How many charts the clinic has; they share the alarms.
    """
    rate = min(max(expected, _LOWEST_RATE), _HIGHEST_RATE)
    between = max(films_a_year, _FEWEST_A_YEAR) * charts / FALSE_ALARMS_A_YEAR
    low, high = 0.0, log(between) + max(_steps(rate))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if run_length(rate, middle) >= between else (middle, high)
    return Watch(expected=rate, limit=high)


def run_length(rate: float, limit: float) -> float:
    """Return the mean number of films until an alarm while nothing has changed.

    The sum is a Markov chain on a grid (Brook & Evans, Biometrika 59 (1972) 539).
    """
    right, wrong = _steps(rate)
    width = limit / _STATES
    sums = (np.arange(_STATES)) * width
    chain = np.zeros((_STATES, _STATES))
    for step, chance in ((right, 1 - rate), (wrong, rate)):
        place = np.rint(np.maximum(sums + step, 0) / width).astype(int)
        inside = place < _STATES
        np.add.at(chain, (np.flatnonzero(inside), place[inside]), chance)
    return float(np.linalg.solve(np.eye(_STATES) - chain, np.ones(_STATES))[0])


def follow(chart: Watch, wrong: Iterable[bool]) -> Course:
    """Return the chart's course over verified films, in the order of their results."""
    right_step, wrong_step = chart.steps
    sums: list[float] = []
    alarms: list[int] = []
    total = 0.0
    for number, was_wrong in enumerate(wrong):
        total = max(total + (wrong_step if was_wrong else right_step), 0.0)
        sums.append(total)
        if total >= chart.limit:
            alarms.append(number)
            total = 0.0
    return Course(sums=tuple(sums), alarms=tuple(alarms))


def _steps(rate: float) -> tuple[float, float]:
    risen = rate + RISE
    return log((1 - risen) / (1 - rate)), log(risen / rate)
