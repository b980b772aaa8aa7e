"""What a stored reading's thresholds say: where its verdict is uncertain, and how often such verdicts are right."""

from __future__ import annotations

from lungwise.reading.artefact import Thresholds, shipped_card
from lungwise.reading.pattern import COVID
from lungwise.reading.prevalence import PredictiveValue
from lungwise.studies.models import ReadingRecord


def thresholds_of(reading: ReadingRecord) -> Thresholds | None:
    """Return the thresholds of a verdict; None where the reading is by another model than the shipped one.

    They are the clinic's own where the reading was given by them.
    """
    own = reading.own_thresholds
    if own and (covid := own.of(COVID)):
        return covid.thresholds
    card = shipped_card()
    return card.thresholds if (reading.model, reading.version) == (card.name, card.version) else None


def right_share(value: PredictiveValue, reading: ReadingRecord) -> float | None:
    """Return the share of such verdicts that are right; None where it is not known.

    It was measured at the model's thresholds: of a verdict by a clinic's own nothing is known here.
    """
    own = reading.own_thresholds
    if own and own.of(COVID):
        return None
    return value.of(reading.verdict, reading.model, reading.version)
