from __future__ import annotations

import pytest

from lungwise.reading.artefact import shipped_card
from lungwise.studies.models import ReadingRecord
from lungwise.studies.uncertainty_range import thresholds_of

CARD = shipped_card()


def test_a_reading_of_the_shipped_model_lies_in_its_cards_band() -> None:
    assert thresholds_of(ReadingRecord(model=CARD.name, version=CARD.version)) == CARD.thresholds


@pytest.mark.parametrize(("model", "version"), [(CARD.name, "0.0.1"), ("another", CARD.version)])
def test_of_another_models_reading_no_band_is_known(model: str, version: str) -> None:
    assert thresholds_of(ReadingRecord(model=model, version=version)) is None
