"""Sentences about numbers of a reading, as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lungwise.films.refusals import N_, Words
from lungwise.reading.artefact import Thresholds
from lungwise.reading.extent import Direction, Extent
from lungwise.reading.own_thresholds import OwnThresholds
from lungwise.reading.reading import Verdict
from lungwise.studies.numbers import FINEST, decimals_apart, in_words, of_ten, percent

if TYPE_CHECKING:  # `lungwise read` says these sentences without a database
    from lungwise.studies.extent_changes import ExtentChange

_UNCERTAIN: Final = N_("%(lower)s-%(upper)s counts as uncertain.")
_ONE_ILL: Final = {
    Verdict.POSITIVE: N_("If 1 in %(whole)s patients has COVID-19, about %(right)s of %(all)s positives are correct."),
    Verdict.NEGATIVE: N_("If 1 in %(whole)s patients has COVID-19, about %(right)s of %(all)s negatives are correct."),
}
_MORE_ILL: Final = {
    Verdict.POSITIVE: N_(
        "If %(part)s in %(whole)s patients have COVID-19, about %(right)s of %(all)s positives are correct."
    ),
    Verdict.NEGATIVE: N_(
        "If %(part)s in %(whole)s patients have COVID-19, about %(right)s of %(all)s negatives are correct."
    ),
}

_OWN_THRESHOLDS: Final = N_("Read by the clinic's own thresholds %(id)s.")
_EXTENT: Final = N_("Opacities cover %(percent)s of the lung fields (Brixia score %(score)s of 18).")
_CHANGE: Final = {
    Direction.MORE: N_(
        "More opacity than on the film of %(day)s: %(before)s then, %(now)s now, %(points)s points "
        "more, beyond repeatability (±%(limit)s points)."
    ),
    Direction.LESS: N_(
        "Less opacity than on the film of %(day)s: %(before)s then, %(now)s now, %(points)s points "
        "less, beyond repeatability (±%(limit)s points)."
    ),
    Direction.SAME: N_(
        "No change of opacity beyond repeatability (±%(limit)s points) since the film of %(day)s: %(before)s then, "
        "%(now)s now."
    ),
}


def extent_sentence(words: Words, extent: Extent) -> str:
    """Say how much of the lungs is opaque."""
    return words(_EXTENT) % {"percent": percent(extent.percent / 100), "score": f"{extent.brixia:.0f}"}


def change_sentence(words: Words, change: ExtentChange, day: str = "") -> str:
    """Say whether there is more opacity than on an earlier film, or less, or neither.

    Parameters
    ----------
    day
        When that was taken, as its reader writes a day; by default in ISO 8601.
    """
    points, limit = abs(change.difference.points), change.difference.repeatability
    decimals = decimals_apart(points, limit)
    values = {
        "day": day or change.taken_on.isoformat(),
        "before": percent(change.before / 100, decimals),
        "now": percent(change.now / 100, decimals),
        "points": f"{points:.{decimals}f}",
        "limit": f"{limit:.{decimals}f}",
    }
    return words(_CHANGE[change.difference.direction]) % values


def own_thresholds_sentence(words: Words, own: OwnThresholds) -> str:
    """Say by which of the clinic's own thresholds a film was read."""
    return words(_OWN_THRESHOLDS) % {"id": own.id}


def probability_beside(probability: float | None, thresholds: Thresholds | None) -> str:
    """Write a probability as fine as shows on which side of its thresholds it lies; None where they are not known."""
    if probability is None or thresholds is None:
        return percent(probability)
    return percent(probability, _decimals(probability, thresholds))


def uncertain_between(words: Words, thresholds: Thresholds, probability: float) -> str:
    """Say which probabilities are neither positive nor negative, as fine as the probability beside it.

    Nothing is said of thresholds between which nothing lies.
    """
    if thresholds.lower == thresholds.upper:
        return ""
    decimals = _decimals(probability, thresholds)
    lower, upper = (f"{100 * one:.{decimals}f}" for one in (thresholds.lower, thresholds.upper))
    return words(_UNCERTAIN) % {"lower": lower, "upper": f"{upper} %"}


def _decimals(probability: float, thresholds: Thresholds) -> int:
    """Return with how many decimals all three are told apart, and thresholds from what is written as < 1 %."""
    lower, upper = 100 * thresholds.lower, 100 * thresholds.upper
    fewest = next((n for n in range(FINEST) if 10**-n <= min(lower, 100 - upper)), FINEST)
    return decimals_apart(100 * probability, lower, upper, fewest=fewest)


def predictive_value(words: Words, verdict: str, prevalence: float, right: float | None) -> str:
    """Say how many of such verdicts are right at a prevalence; nothing of a verdict that says neither."""
    if right is None or verdict not in _ONE_ILL:
        return ""
    ill, correct = in_words(prevalence), of_ten(right)
    sentence = (_ONE_ILL if ill["part"] == 1 else _MORE_ILL)[Verdict(verdict)]
    return words(sentence) % {**ill, "right": correct[0], "all": correct[1]}
