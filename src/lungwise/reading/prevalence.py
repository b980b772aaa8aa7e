"""How often a verdict is right where the disease is common, and where it is rare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lungwise.reading.artefact import ModelCard, Thresholds
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
    """

    sensitivity: float
    missed: float
    specificity: float
    false_alarms: float


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


def verdict_rates(probability: NDArray[np.float64], ill: NDArray[np.bool_], thresholds: Thresholds) -> VerdictRates:
    """Measure the rates on films of both kinds.

    Parameters
    ----------
    probability, ill
        (n,) of the model, and the truth.
    """
    called, cleared = probability >= thresholds.upper, probability < thresholds.lower
    shares = {
        "sensitivity": called[ill],
        "missed": cleared[ill],
        "specificity": cleared[~ill],
        "false_alarms": called[~ill],
    }
    return VerdictRates(**{name: round(float(share.mean()), 4) for name, share in shares.items()})


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
        self._model = (card.name, card.version)
        self._values = predictive_values(rates, prevalence) if rates else PredictiveValues(None, None)

    def of(self, verdict: str | None, model: str, version: str) -> float | None:
        """Share of such verdicts that are right; None of an uncertain one, and of another model's."""
        if (model, version) != self._model:
            return None
        if verdict == Verdict.POSITIVE:
            return self._values.positive
        return self._values.negative if verdict == Verdict.NEGATIVE else None


def _share(right: float, wrong: float) -> float | None:
    return right / (right + wrong) if right + wrong > 0 else None
