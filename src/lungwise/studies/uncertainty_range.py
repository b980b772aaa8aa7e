"""The range between the model's two thresholds, in which a verdict is uncertain."""

from __future__ import annotations

from lungwise.reading.artefact import Thresholds, shipped_card
from lungwise.studies.models import ReadingRecord


def thresholds_of(reading: ReadingRecord) -> Thresholds | None:
    """Return the thresholds of a verdict; None where the reading is by another model than the shipped one."""
    card = shipped_card()
    return card.thresholds if (reading.model, reading.version) == (card.name, card.version) else None
