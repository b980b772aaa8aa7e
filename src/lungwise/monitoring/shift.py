"""Why scores have changed: other patients, or other pictures.

Where more patients have COVID-19, scores rise, and the model is as good as it was. Where the pictures are different,
nobody knows what it is worth. So the change of the scores is taken apart. How many patients have COVID-19 is estimated
from the scores, before and now (Saerens, Latinne & Decaestecker, Neural Computation 14 (2002) 21). The films of before
are weighed as if it had been as many then. What still differs is not a matter of prevalence. Beside it stands what the
pictures themselves are like, whatever they show: the gate, the exposure, the view and the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

import numpy as np

from lungwise.monitoring.answer_table import AnswerTable, Texts
from lungwise.monitoring.drift import ALIKE, EDGES, FEWEST_FILMS, NOTABLE_DISTANCE
from lungwise.monitoring.verified import Floats

NOW, BEFORE = timedelta(weeks=4), timedelta(weeks=12)
"""The last weeks, and those before them that they are compared with."""
_BANDS = 5
_FEWEST_OF_A_DEVICE = 10
_STEPS, _LEAST = 200, 1e-3


class Cause(StrEnum):
    """What a change of the scores comes from."""

    NONE = "none"
    PREVALENCE = "prevalence"
    PICTURES = "pictures"
    BOTH = "both"
    UNKNOWN = "unknown"


FEATURES: Final = ("gate", "grey", "contrast", "view", "device", "photograph")
"""What is compared of the pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How the last weeks differ from those before them.

    Parameters
    ----------
    films_before, films_now
        How many films were read.
    prevalence_before, prevalence_now
        Estimated shares of them with COVID-19.
    total, by_prevalence, rest
        Distances (population stability index): of the scores, of what other prevalence alone would have made of them,
        and between that and the scores.
    features
        The distance of each of `FEATURES` that enough films have.
    """

    films_before: int
    films_now: int
    prevalence_before: float
    prevalence_now: float
    total: float
    by_prevalence: float
    rest: float
    features: dict[str, float]

    @property
    def cause(self) -> Cause:
        """What the change comes from."""
        pictures = any(one >= NOTABLE_DISTANCE for one in self.features.values())
        if self.total < ALIKE:
            return Cause.PICTURES if pictures else Cause.NONE
        if self.by_prevalence >= self.rest:
            return Cause.BOTH if pictures else Cause.PREVALENCE
        return Cause.PICTURES if pictures else Cause.UNKNOWN


def shift_of(table: AnswerTable, this_week: int) -> Shift | None:
    """Compare the last weeks with those before them; None where either has too few films that were read.

    Parameters
    ----------
    this_week
        Ordinal of this week's Monday.
    """
    begins = this_week + 7 - NOW.days
    read = table.read
    return compared(
        read.only((read.week < begins) & (read.week >= begins - BEFORE.days)), read.only(read.week >= begins)
    )


def compared(before: AnswerTable, now: AnswerTable) -> Shift | None:
    """Compare films with earlier ones, all of which were read; None where either are too few."""
    if min(len(now.study), len(before.study)) < FEWEST_FILMS:
        return None
    old, new = prevalences(before.probability, now.probability)
    weights = _weights(before.probability, old, new)
    spread, as_if = _spread(before.probability), _spread(before.probability, weights)
    spread_now = _spread(now.probability)
    return Shift(
        films_before=len(before.study),
        films_now=len(now.study),
        prevalence_before=old,
        prevalence_now=new,
        total=distance(spread, spread_now),
        by_prevalence=distance(spread, as_if),
        rest=distance(as_if, spread_now),
        features={name: found for name in FEATURES if (found := _feature(before, now, name)) is not None},
    )


def prevalences(before: Floats, now: Floats) -> tuple[float, float]:
    """Estimate the share of the films with COVID-19, before and now, from calibrated probabilities."""
    old = float(np.clip(before.mean(), _LEAST, 1 - _LEAST))
    new = old
    for _ in range(_STEPS):
        ill, well = now * new / old, (1 - now) * (1 - new) / (1 - old)
        following = float(np.clip((ill / (ill + well)).mean(), _LEAST, 1 - _LEAST))
        new, change = following, abs(following - new)
        if change < _LEAST / 10:
            break
    return old, new


def distance(here: Floats, there: Floats) -> float:
    """Measure the population stability index between counts by band; half a film is added to each."""
    ours, theirs = ((counts + 0.5) / (counts + 0.5).sum() for counts in (here, there))
    return float(((ours - theirs) * np.log(ours / theirs)).sum())


def _weights(before: Floats, old: float, new: float) -> Floats:
    """What each film of before counts if the prevalence had been as it is now."""
    weights = before * new / old + (1 - before) * (1 - new) / (1 - old)
    scaled: Floats = weights * len(weights) / weights.sum()
    return scaled


def _spread(probability: Floats, weights: Floats | None = None) -> Floats:
    bands = np.searchsorted(EDGES, probability, side="right")
    counts: Floats = np.bincount(bands, weights, len(EDGES) + 1).astype(float)
    return counts


def _feature(before: AnswerTable, now: AnswerTable, name: str) -> float | None:
    """The distance of one feature; None where too few films have it, or none but one value is known."""
    here, there = getattr(before, name), getattr(now, name)
    if here.dtype == object:
        return _of_texts(here, there)
    if here.dtype == bool:
        return distance(np.bincount(here, minlength=2).astype(float), np.bincount(there, minlength=2).astype(float))
    here, there = here[~np.isnan(here)], there[~np.isnan(there)]
    if min(len(here), len(there)) < FEWEST_FILMS:
        return None
    edges = np.unique(np.quantile(here, np.linspace(0, 1, _BANDS + 1)[1:-1]))
    bands = [np.bincount(np.searchsorted(edges, one, side="right"), minlength=len(edges) + 1) for one in (here, there)]
    return distance(bands[0].astype(float), bands[1].astype(float))


def _of_texts(here: Texts, there: Texts) -> float | None:
    """Compare how often each value is; those of few films count as one."""
    values, counts = np.unique(np.concatenate([here, there]).astype(str), return_counts=True)
    if len(values) == 1 and not values[0]:
        return None
    frequent = set(values[counts >= _FEWEST_OF_A_DEVICE])
    kinds = [*sorted(frequent), None]
    found = [[one if one in frequent else None for one in texts] for texts in (here, there)]
    return distance(*(np.array([texts.count(kind) for kind in kinds], float) for texts in found))
