from __future__ import annotations

import pytest

from lungwise.reading.artefact import shipped_card
from lungwise.reading.own_thresholds import FindingThresholds, OwnThresholds
from lungwise.reading.prevalence import PredictiveValue
from lungwise.studies.models import ReadingRecord
from lungwise.studies.uncertainty_range import right_share, thresholds_of

CARD = shipped_card()


def test_a_reading_of_the_shipped_model_lies_in_its_cards_band() -> None:
    assert thresholds_of(ReadingRecord(model=CARD.name, version=CARD.version)) == CARD.thresholds


@pytest.mark.parametrize(("model", "version"), [(CARD.name, "0.0.1"), ("another", CARD.version)])
def test_of_another_models_reading_no_band_is_known(model: str, version: str) -> None:
    assert thresholds_of(ReadingRecord(model=model, version=version)) is None


def test_a_reading_by_a_clinics_own_thresholds_lies_in_their_band_and_nobody_knows_how_often_it_is_right() -> None:
    worth = PredictiveValue(CARD, 0.1)
    shipped = ReadingRecord(model=CARD.name, version=CARD.version, verdict="positive")
    assert right_share(worth, shipped) == worth.of("positive", CARD.name, CARD.version) is not None
    covid = FindingThresholds(finding="COVID-19", lower=0.1, upper=0.6)
    other = FindingThresholds(finding="tuberculosis", lower=0.2, upper=0.2)
    shipped.thresholds = OwnThresholds(id="own", findings=(other,)).as_stored()
    assert thresholds_of(shipped) == CARD.thresholds
    assert right_share(worth, shipped) is not None
    shipped.thresholds = OwnThresholds(id="own", findings=(covid, other)).as_stored()
    assert thresholds_of(shipped) == covid.thresholds
    assert right_share(worth, shipped) is None
