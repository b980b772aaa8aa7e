"""A clinic's own thresholds: what its verified films say they should be, and from how many on they may say it.

The lower threshold keeps a promise: with 95 % confidence at most one in ten of the clinic's patients with the disease
gets a negative verdict. Order statistics give it, whatever the scores are spread like: with 29 patients the lowest of
their scores, with 46 the second lowest, and so on (Wilks, Ann. Math. Stat. 12 (1941) 91). The upper threshold promises
the same of those without the disease and a positive verdict. Where patients stand for others, each miss that may have
been overlooked counts as much as the heaviest of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, exp, floor, log

import numpy as np

from lungwise.monitoring.verified import Floats, ReadFilms, VerifiedFilms, verified
from lungwise.reading.artefact import Thresholds
from lungwise.reading.intervals import binomial_upper
from lungwise.reading.own_thresholds import HIGHEST, LOWEST, may_recalibrate

MISSED = 0.10
"""Highest share of those with the disease below the lower threshold, and of those without it from the upper one on."""
FEWEST_POSITIVES, FEWEST_NEGATIVES = 29, 30
"""From these on the lower threshold may go down."""
FEWEST_FOR_BOTH = (61, 44)
"""Positives and negatives from which on both thresholds may move."""
FEWEST_FOR_OFFSET = (100, 100)
"""Positives and negatives from which on the calibration is moved."""
FEWEST_FOR_SLOPE = (200, 200)
"""Positives and negatives from which on it is stretched as well."""
_DIGITS = 10_000
"""Thresholds are rounded away from each other to what a page shows: none turns on the last digit of a score."""
_TINY = 1e-6
_NEWTON_STEPS = 50


class Hindrance(StrEnum):
    """Why nothing is proposed."""

    TOO_FEW = "too few"
    NONE_TESTED = "none tested"
    """Of those with a negative verdict nobody was tested; or only for other reasons than the film, and too few."""
    FEW_DRAWN = "few drawn"
    """So few were tested of those with one of the verdicts that each of them stands for too many others."""
    OUT_OF_BOUNDS = "out of bounds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibration:
    """What is done to the log odds of the shipped probability: `slope` times it, plus `offset`."""

    offset: float = 0.0
    slope: float = 1.0

    @property
    def is_allowed(self) -> bool:
        """Whether a clinic may move the model's answers so far."""
        return may_recalibrate(self.offset, self.slope)

    def __call__(self, probability: Floats) -> Floats:
        """Return the recalibrated probability of each film; as it is where nothing is done to it."""
        if (self.offset, self.slope) == (0.0, 1.0):
            return probability
        odds: Floats = 1 / (1 + np.exp(-(self.slope * log_odds(probability) + self.offset)))
        return odds


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """New thresholds and calibration of one finding; the thresholds are of the recalibrated probability."""

    thresholds: Thresholds
    recalibration: Recalibration


def propose(films: ReadFilms, now: Thresholds, *, one_threshold: bool = False) -> Proposal | Hindrance:
    """Propose thresholds for a clinic, or say why not.

    Parameters
    ----------
    films
        Of the clinic, one of each patient.
    now
        The thresholds in force, of the probability that the model gives.
    one_threshold
        Whether the finding has a single threshold, which misses few: the proposal's upper one means nothing then.
    """
    lowest = films.verification[films.stratum == 0]
    if len(lowest) and not lowest.any():
        return Hindrance.NONE_TESTED
    return propose_from(verified(films), now, one_threshold=one_threshold)


def propose_from(known: VerifiedFilms, now: Thresholds, *, one_threshold: bool = False) -> Proposal | Hindrance:
    """Propose thresholds from verified films."""
    counts = int(known.positive.sum()), int((~known.positive).sum())
    if not _reaches(counts, (FEWEST_POSITIVES, FEWEST_NEGATIVES)):
        return Hindrance.TOO_FEW if known.whole else Hindrance.NONE_TESTED
    both = _reaches(counts, FEWEST_FOR_BOTH)
    lower, upper = lower_threshold(known), upper_threshold(known) if both else now.upper
    upper = lower if one_threshold else upper
    if lower is None or upper is None:
        return Hindrance.FEW_DRAWN
    if lower < LOWEST or upper > HIGHEST:
        return Hindrance.OUT_OF_BOUNDS
    lower = lower if both else min(lower, now.lower)
    recalibration = _recalibration(known, counts)
    return Proposal(
        thresholds=Thresholds(
            lower=floor(_digits(_one(recalibration, min(lower, upper)))) / _DIGITS,
            upper=ceil(_digits(_one(recalibration, upper))) / _DIGITS,
        ),
        recalibration=recalibration,
    )


def lower_threshold(known: VerifiedFilms) -> float | None:
    """Return the highest score below which, with 95 % confidence, at most `MISSED` of the positives lie; None of none.

    It is the score of one of them: below it is what is lower.
    """
    return _kth(known.positives, lambda scores: scores)


def upper_threshold(known: VerifiedFilms) -> float | None:
    """Return the lowest score from which on, with 95 % confidence, at most `MISSED` of the negatives lie; None of none.

    It lies just above the score of one of them.
    """
    found = _kth(known.negatives, lambda scores: -scores)
    return None if found is None else float(np.nextafter(-found, 1.0))


def _kth(group: VerifiedFilms, of: Callable[[Floats], Floats]) -> float | None:
    """The highest score with few enough of the group below it."""
    order = np.argsort(of(group.score), kind="stable")
    scores, weight = of(group.score)[order], group.weight[order]
    below = np.concatenate([[0.0], np.cumsum(weight)])
    first = np.searchsorted(scores, scores, side="left")  # films of one score lie on one side of any threshold
    candidates = np.unique(first)  # the more are missed, the less it is few enough
    allowed = bisect_left(candidates, True, key=lambda missed: not _few_enough(int(missed), below, group))
    return float(scores[candidates[allowed - 1]]) if allowed else None


def _few_enough(missed: int, below: Floats, group: VerifiedFilms) -> bool:
    total = len(group.score)
    overlooked = total * binomial_upper(missed, total) - missed
    return bool(below[missed] + group.heaviest * overlooked <= MISSED * below[-1])


def _recalibration(known: VerifiedFilms, counts: tuple[int, int]) -> Recalibration:
    """What so many suffice for; where scores part the patients perfectly, no slope is the best."""
    for fewest, with_slope in ((FEWEST_FOR_SLOPE, True), (FEWEST_FOR_OFFSET, False)):
        if _reaches(counts, fewest) and (found := _fit(known, with_slope=with_slope)).is_allowed:
            return found
    return Recalibration()


def _fit(known: VerifiedFilms, *, with_slope: bool) -> Recalibration:
    """Fit a weighted logistic regression of the result on the log odds (Cox, Biometrika 45 (1958) 562)."""
    x, y, weight = log_odds(known.score), known.positive.astype(float), known.weight / known.weight.mean()
    offset, slope = 0.0, 1.0
    for _ in range(_NEWTON_STEPS):
        p = 1 / (1 + np.exp(-(slope * x + offset)))
        wrong, spread = weight * (y - p), weight * p * (1 - p)
        if with_slope:
            design = np.stack([np.ones_like(x), x])
            hessian = (design * spread) @ design.T + _TINY * np.eye(2)
            step = np.linalg.solve(hessian, design @ wrong)
        else:
            step = np.array([wrong.sum() / (spread.sum() + _TINY), 0.0])
        step = np.clip(step, -1, 1)
        offset, slope = offset + float(step[0]), slope + float(step[1])
        if np.abs(step).max() < _TINY:
            break
    return Recalibration(offset=offset, slope=slope)


def log_odds(probability: Floats) -> Floats:
    """Return the logarithm of the odds of each probability."""
    clipped = np.clip(probability, _TINY, 1 - _TINY)
    odds: Floats = np.log(clipped / (1 - clipped))
    return odds


def _one(recalibration: Recalibration, threshold: float) -> float:
    value = recalibration.slope * log(threshold / (1 - threshold)) + recalibration.offset
    return 1 / (1 + exp(-value))


def _digits(threshold: float) -> float:
    """Return a threshold in its last digit, without what arithmetic adds: rounded again, it stays."""
    return round(threshold * _DIGITS, 6)


def level_of(positives: int, negatives: int) -> int:
    """Return how much may be moved with so many: nothing, the lower threshold, both, the offset, the slope (0 to 4)."""
    levels = ((FEWEST_POSITIVES, FEWEST_NEGATIVES), FEWEST_FOR_BOTH, FEWEST_FOR_OFFSET, FEWEST_FOR_SLOPE)
    return sum(_reaches((positives, negatives), fewest) for fewest in levels)


def _reaches(counts: tuple[int, int], fewest: tuple[int, int]) -> bool:
    return counts[0] >= fewest[0] and counts[1] >= fewest[1]
