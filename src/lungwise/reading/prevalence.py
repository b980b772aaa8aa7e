"""How often a verdict is right where the disease is common, and where it is rare."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, sqrt
from typing import NamedTuple

from lungwise.reading.artefact import ModelCard
from lungwise.reading.intervals import Z95
from lungwise.reading.reading import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRates:
    """How often the sure verdicts fall on films with the disease and on films without; the rest is uncertain.

    Parameters
    ----------
    sensitivity, missed
        Shares of the films with the disease that are called positive, and negative.
    specificity, false_alarms
        Shares of the films without it that are called negative, and positive.
    ill, well
        How many films with and without it they were measured on; 0 where that is not known.
    """

    sensitivity: float
    missed: float
    specificity: float
    false_alarms: float
    ill: int = field(default=0, compare=False)
    well: int = field(default=0, compare=False)

    def of(self, verdict: str) -> tuple[float, float]:
        """Return the share of the films with the disease that get a verdict, and of those without it."""
        if verdict == Verdict.POSITIVE:
            return self.sensitivity, self.false_alarms
        if verdict == Verdict.NEGATIVE:
            return self.missed, self.specificity
        return 1 - self.sensitivity - self.missed, 1 - self.specificity - self.false_alarms


class PredictiveValues(NamedTuple):
    """How often a verdict is right; None of a verdict that is never given.

    Parameters
    ----------
    positive
        Share of the positive verdicts that have the disease.
    negative
        Share of the negative verdicts that do not have it.
    """

    positive: float | None
    negative: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareIll:
    """How many of those with a verdict have the disease.

    Parameters
    ----------
    value
        In [0, 1].
    interval
        Of 95 %; None where it is not known on how many films the rates were measured.
    """

    value: float
    interval: tuple[float, float] | None


def share_ill(rates: VerdictRates, verdict: str, prevalence: float) -> ShareIll | None:
    """Return how many of those with a verdict have the disease; None of a verdict that is never given.

    The interval is that of the likelihood ratio (Simel, Samsa & Matchar, J. Clin. Epidemiol. 44 (1991) 763) at a
    prevalence that is known; a verdict that one of the groups never got counts half a film there.
    """
    of_ill, of_well = rates.of(verdict)
    value = _share(of_ill * prevalence, of_well * (1 - prevalence))
    if value is None:
        return None
    if not (rates.ill and rates.well):
        return ShareIll(value=value, interval=None)
    ill, well = max(of_ill, 0.5 / rates.ill), max(of_well, 0.5 / rates.well)
    spread = exp(Z95 * sqrt((1 - ill) / (ill * rates.ill) + (1 - well) / (well * rates.well)))
    lower, upper = (
        _share(ill * prevalence * factor, well * (1 - prevalence)) or 0.0 for factor in (1 / spread, spread)
    )
    return ShareIll(value=value, interval=(min(lower, value), max(upper, value)))


def predictive_values(rates: VerdictRates, prevalence: float) -> PredictiveValues:
    """Bayes' rule on the verdicts (Altman & Bland, BMJ 309 (1994) 102).

    Parameters
    ----------
    prevalence
        Share of those filmed who have the disease, in [0, 1].

    Raises
    ------
    ValueError
        If the prevalence is not a share.
    """
    if not 0 <= prevalence <= 1:
        raise ValueError(f"A prevalence lies between 0 and 1, not at {prevalence}.")
    ill, well = prevalence, 1 - prevalence
    return PredictiveValues(
        positive=_share(rates.sensitivity * ill, rates.false_alarms * well),
        negative=_share(rates.specificity * well, rates.missed * ill),
    )


def card_rates(card: ModelCard) -> VerdictRates | None:
    """The rates that a card states in `metrics["verdicts"]`; None of a card without them."""
    stated = card.metrics.get("verdicts")
    return VerdictRates(**stated) if stated else None


class PredictiveValue:
    """How often the verdicts of one model are right, by the share of those filmed who have the disease.

    Parameters
    ----------
    card
        The model's; of one that states no rates nothing is known.
    prevalence
        In [0, 1].
    """

    def __init__(self, card: ModelCard, prevalence: float) -> None:
        rates = card_rates(card)
        self.prevalence = prevalence
        self._rates = rates
        self._model = (card.name, card.version)
        self._values = predictive_values(rates, prevalence) if rates else PredictiveValues(None, None)

    def of(self, verdict: str | None, model: str, version: str) -> float | None:
        """Share of such verdicts that are right; None of an uncertain one, and of another model's."""
        if (model, version) != self._model:
            return None
        if verdict == Verdict.POSITIVE:
            return self._values.positive
        return self._values.negative if verdict == Verdict.NEGATIVE else None

    def share_ill(self, verdict: str | None, model: str, version: str) -> ShareIll | None:
        """How many of those with such a verdict have the disease; None of no verdict, and of another model's."""
        if (model, version) != self._model or self._rates is None or verdict is None:
            return None
        return share_ill(self._rates, verdict, self.prevalence)


def _share(right: float, wrong: float) -> float | None:
    return right / (right + wrong) if right + wrong > 0 else None
