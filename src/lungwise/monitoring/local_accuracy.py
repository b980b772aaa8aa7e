"""How good the model is at a clinic: shares with their intervals, of films whose patients were tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lungwise.monitoring.verified import Flags, VerifiedFilms
from lungwise.reading.artefact import Thresholds
from lungwise.reading.intervals import wilson_interval
from lungwise.reading.roc import areas

RESAMPLES, SEED = 500, 2020
_TAILS = (2.5, 97.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A share, or an AUC, with its 95 % interval.

    Parameters
    ----------
    value, lower, upper
        In [0, 1].
    films
        How many verified films it rests on.
    """

    value: float
    lower: float
    upper: float
    films: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """What a clinic's verified films say of one finding at two thresholds; None where there are no such films.

    Parameters
    ----------
    sensitivity, specificity
        Shares of those with the disease that are not negative, and of those without it that are not positive.
    called, cleared
        Shares of those with the disease called positive, and of those without it called negative.
    predictive_positive, predictive_negative
        Shares of the positive verdicts with the disease, and of the negative ones without it.
    auc
        Area under the ROC curve.
    """

    positives: int
    negatives: int
    sensitivity: Measure | None
    specificity: Measure | None
    called: Measure | None
    cleared: Measure | None
    predictive_positive: Measure | None
    predictive_negative: Measure | None
    auc: Measure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a threshold would cost: of 100 films so many would be tested, and so many of those with the disease missed.

    Parameters
    ----------
    threshold
        Films from this score on are tested.
    tested, missed
        Shares: of all films, and of those with the disease.
    """

    threshold: float
    tested: float
    missed: float


def accuracy(
    known: VerifiedFilms, thresholds: Thresholds, area: Callable[[VerifiedFilms], Measure | None] | None = None
) -> Accuracy:
    """Measure one finding; `area` works out the area under the curve, by default `auc`."""
    score, ill = known.score, known.positive
    called, cleared = score >= thresholds.upper, score < thresholds.lower
    return Accuracy(
        positives=int(ill.sum()),
        negatives=int((~ill).sum()),
        sensitivity=_share(~cleared, known, ill),
        specificity=_share(~called, known, ~ill),
        called=_share(called, known, ill),
        cleared=_share(cleared, known, ~ill),
        predictive_positive=_share(ill, known, called),
        predictive_negative=_share(~ill, known, cleared),
        auc=(area or auc)(known),
    )


def costs(known: VerifiedFilms, steps: int = 50) -> list[Cost]:
    """What each of some thresholds would cost, from the lowest score to the highest."""
    if not known.positive.any():
        return []
    return [cost_at(known, float(one)) for one in np.unique(np.quantile(known.score, np.linspace(0, 1, steps)))]


def cost_at(known: VerifiedFilms, threshold: float) -> Cost:
    """What a threshold would cost, where some films are of patients with the disease."""
    positives = known.positives
    return Cost(
        threshold=threshold,
        tested=float(known.weight[known.score >= threshold].sum() / known.weight.sum()),
        missed=float(positives.weight[positives.score < threshold].sum() / positives.weight.sum()),
    )


def auc(known: VerifiedFilms) -> Measure | None:
    """Area under the ROC curve, its interval from resampled patients; None without films of both kinds."""
    if known.positive.all() or not known.positive.any():
        return None
    times = np.random.default_rng(SEED).multinomial(
        len(known.score), np.full(len(known.score), 1 / len(known.score)), size=RESAMPLES
    )
    weights = np.concatenate([known.weight[None], times * known.weight])
    found = areas(known.score, known.positive, weights)
    lower, upper = np.nanpercentile(found[1:], _TAILS)
    return Measure(value=float(found[0]), lower=float(lower), upper=float(upper), films=len(known.score))


def _share(flags: Flags, known: VerifiedFilms, among: Flags) -> Measure | None:
    """Weighted share with Wilson's interval, for as many films as the weights leave of them (Kish 1965)."""
    if not among.any():
        return None
    weight = known.weight[among]
    value = float(weight[flags[among]].sum() / weight.sum())
    worth = float(weight.sum() ** 2 / (weight**2).sum())
    lower, upper = wilson_interval(value * worth, worth)
    return Measure(value=value, lower=lower, upper=upper, films=len(weight))
