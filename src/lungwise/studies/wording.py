"""Sentences about numbers of a reading, as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lungwise.films.refusals import N_, Words
from lungwise.reading.artefact import Thresholds
from lungwise.reading.extent import Direction, Extent
from lungwise.reading.own_thresholds import OwnThresholds
from lungwise.reading.reading import Verdict
from lungwise.studies.headlines import in_words
from lungwise.studies.labels import percent

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
        "More opacity than on the film of %(day)s: %(before)s then, %(now)s now, beyond repeatability (±%(limit)s "
        "points)."
    ),
    Direction.LESS: N_(
        "Less opacity than on the film of %(day)s: %(before)s then, %(now)s now, beyond repeatability (±%(limit)s "
        "points)."
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
    values = {
        "day": day or change.taken_on.isoformat(),
        "before": percent(change.before / 100),
        "now": percent(change.now / 100),
        "limit": f"{change.difference.repeatability:.0f}",
    }
    return words(_CHANGE[change.difference.direction]) % values


def own_thresholds_sentence(words: Words, own: OwnThresholds) -> str:
    """Say by which of the clinic's own thresholds a film was read."""
    return words(_OWN_THRESHOLDS) % {"id": own.id}


def uncertain_between(words: Words, thresholds: Thresholds) -> str:
    """Say which probabilities are neither positive nor negative."""
    lower, upper = percent(thresholds.lower).removesuffix(" %"), percent(thresholds.upper)
    return words(_UNCERTAIN) % {"lower": lower, "upper": upper}


def predictive_value(words: Words, verdict: str, prevalence: float, right: float | None) -> str:
    """Say how many of such verdicts are right at a prevalence; nothing of a verdict that says neither."""
    if right is None or verdict not in _ONE_ILL:
        return ""
    ill, correct = in_words(prevalence), _of_ten(right)
    sentence = (_ONE_ILL if ill["part"] == 1 else _MORE_ILL)[Verdict(verdict)]
    return words(sentence) % {**ill, "right": correct[0], "all": correct[1]}


def _of_ten(share: float) -> tuple[int, int]:
    """Return a share as so many of ten; of a hundred, or a thousand, where ten would say none or all."""
    for whole in (10, 100):
        if 0 < round(share * whole) < whole:
            return round(share * whole), whole
    return round(share * 1000), 1000
