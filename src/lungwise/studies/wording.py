"""Sentences about numbers of a reading, as a person reads them."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_, Words
from lungwise.reading.artefact import Thresholds
from lungwise.reading.reading import Verdict
from lungwise.studies.headlines import in_words
from lungwise.studies.labels import percent

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
