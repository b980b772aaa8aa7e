"""How often a model's verdicts are right, on films that chose nothing of the model.

The thresholds are chosen on `val`, where they look better than they are: what the card states is measured on `test`. A
doctor asks who has COVID-19, not whose film looks typical of it: so the patients with the disease are those with a
positive PCR test, and those without it those whose film radiologists call negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lungwise.evaluation.protocol import CONTROLLED, PCR_POSITIVE
from lungwise.evaluation.schema import Estimate, Split
from lungwise.reading.prevalence import VerdictRates


def stated_rates(splits: Iterable[Split]) -> VerdictRates | None:
    """Return the rates on `test`, each patient counted once; None if one kind of patients is missing."""
    sources = [one for split in splits if split["split"] == "test" for one in split["sources"]]
    by_patient = {one["source"]: one["verdicts_by_patient"] for one in sources}
    ill, well = by_patient.get(PCR_POSITIVE, {}), by_patient.get(CONTROLLED.source, {})
    if "sensitivity" not in ill or "specificity" not in well:
        return None
    return rates_of({**ill, **{name: well[name] for name in ("specificity", "false alarms")}})


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
