"""The band between the model's two thresholds, in which a verdict is uncertain."""

from __future__ import annotations

from functools import cache

from lungwise.reading.artefact import WEIGHTS, Card, Thresholds, read_card
from lungwise.studies.models import ReadingRecord


def band_of(reading: ReadingRecord) -> Thresholds | None:
    """Give the band that the verdict was taken by; none where the reading is of another model than the shipped one."""
    card = _shipped()
    return card.thresholds if (reading.model, reading.version) == (card.name, card.version) else None


@cache
def _shipped() -> Card:
    return read_card(WEIGHTS / "card.json")
