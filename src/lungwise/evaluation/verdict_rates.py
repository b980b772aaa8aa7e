"""How often a model's verdicts are right, on films that chose nothing of the model.

The thresholds are chosen on `val`, where they look better than they are: what the card states is measured on `test`.
"""

from __future__ import annotations

from collections.abc import Mapping

from lungwise.evaluation.protocol import CONTROLLED
from lungwise.evaluation.schema import Estimate, Evaluation
from lungwise.reading.prevalence import VerdictRates


def stated_rates(evaluation: Evaluation) -> VerdictRates | None:
    """Return the rates on `test` of the source that holds both kinds of films of one place; None if it is missing."""
    sources = [one for split in evaluation["splits"] if split["split"] == "test" for one in split["sources"]]
    shares = (one["verdicts"] for one in sources if one["source"] == CONTROLLED.source)
    return next((rates_of(found) for found in shares if {"sensitivity", "specificity"} <= found.keys()), None)


def rates_of(shares: Mapping[str, Estimate]) -> VerdictRates:
    """Return the shares of a source's verdicts as rates."""
    return VerdictRates(
        sensitivity=shares["sensitivity"]["value"],
        missed=shares["missed"]["value"],
        specificity=shares["specificity"]["value"],
        false_alarms=shares["false alarms"]["value"],
        ill=shares["sensitivity"]["of"],
        well=shares["specificity"]["of"],
    )
