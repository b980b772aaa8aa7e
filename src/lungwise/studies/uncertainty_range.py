"""The band between the model's two thresholds, in which a verdict is uncertain."""

from __future__ import annotations

from lungwise.reading.artefact import Thresholds, shipped_card
from lungwise.studies.models import ReadingRecord


def band_of(reading: ReadingRecord) -> Thresholds | None:
    """Give the band that the verdict was taken by; none where the reading is of another model than the shipped one."""
    card = shipped_card()
    return card.thresholds if (reading.model, reading.version) == (card.name, card.version) else None
