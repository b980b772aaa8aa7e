"""What a reading keeps of a clinic's thresholds: bounds, and the way to the model's probability and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.reading.own_thresholds import (
    FURTHEST,
    STEEPEST,
    FindingThresholds,
    OwnThresholds,
    ThresholdsError,
    stored_thresholds,
)

COVID = FindingThresholds(finding="COVID-19", lower=0.1, upper=0.6, offset=-1.0, slope=0.8)
OWN = OwnThresholds(id="own", findings=(COVID, FindingThresholds(finding="tuberculosis", lower=0.2, upper=0.2)))


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_recalibration_keeps_the_order_of_films(one: float, other: float) -> None:
    first, second = COVID.recalibrated(min(one, other)), COVID.recalibrated(max(one, other))
    assert 0 <= first <= second <= 1


@given(st.floats(0.001, 0.999))
def test_what_the_model_said_is_found_again(probability: float) -> None:
    said = OWN.recalibrated("COVID-19", probability)
    assert COVID.of_model(said) == pytest.approx(probability, abs=1e-9)
    assert OWN.recalibrated("tuberculosis", probability) == OWN.recalibrated("normal", probability) == probability


def test_a_set_is_stored_and_found_as_it_was() -> None:
    assert stored_thresholds(json.loads(json.dumps(OWN.as_stored()))) == OWN
    assert stored_thresholds(None) is None


def test_its_limits_stand_before_the_cards() -> None:
    assert OWN.limits({"tuberculosis": 0.5, "normal": 0.4}) == {"tuberculosis": 0.2, "normal": 0.4}
    assert (COVID.thresholds.lower, COVID.thresholds.upper) == (0.1, 0.6)


@pytest.mark.parametrize(
    "fields",
    [
        {"offset": FURTHEST + 0.1},
        {"slope": STEEPEST + 0.1},
        {"slope": 0.9 / STEEPEST},
        {"lower": 0.0005},
        {"upper": 0.9995},
        {"offset": -3.0, "lower": 0.00001},
    ],
)
def test_nothing_leaves_the_bounds(fields: dict[str, float]) -> None:
    with pytest.raises(ThresholdsError):
        FindingThresholds(finding="COVID-19", **{"lower": 0.1, "upper": 0.6, **fields})


def test_a_finding_has_thresholds_once_and_a_set_a_short_id() -> None:
    with pytest.raises(ThresholdsError, match="once"):
        OwnThresholds(id="own", findings=OWN.findings[:1] * 2)
    for name in ("", "x" * 65, "two\nlines"):
        with pytest.raises(ThresholdsError, match="1 to 64 characters"):
            OwnThresholds(id=name, findings=OWN.findings)
