from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from lungwise.training.calibrate import temperature, thresholds

pytestmark = pytest.mark.training


def test_the_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, 20_000)
    positive = rng.random(20_000) < 1 / (1 + np.exp(-honest))

    assert temperature(honest, positive) == pytest.approx(1, rel=0.05)
    assert temperature(honest * 3, positive) == pytest.approx(3, rel=0.05)


def test_the_thresholds_keep_what_they_promise() -> None:
    rng = np.random.default_rng(1)
    probability = np.concatenate([rng.beta(5, 2, 400), rng.beta(2, 5, 300)])
    positive = np.arange(700) < 400

    limits = thresholds(probability, positive, probability)

    assert limits.lower < limits.upper
    assert (probability[positive] >= limits.lower).mean() >= 0.95
    assert (probability[~positive] < limits.upper).mean() >= 0.95


def test_well_parted_classes_leave_nothing_uncertain() -> None:
    probability = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9])

    limits = thresholds(probability, probability > 0.5, probability)

    assert limits.lower == limits.upper


def test_of_the_gaps_that_fit_one_is_taken_that_rounding_carries_no_film_across() -> None:
    rng = np.random.default_rng(1)
    exact = np.concatenate([rng.beta(5, 2, 400), rng.beta(2, 5, 300)])
    rounded = exact + rng.normal(0, 0.0005, 700)

    limits = thresholds(rounded, np.arange(700) < 400, exact)

    for limit in (limits.lower, limits.upper):
        assert not ((rounded < limit) != (exact < limit)).any()


@given(arrays(np.float64, 60, elements=st.floats(0.001, 0.999)))
def test_the_lower_threshold_is_never_above_the_upper(
    probability: NDArray[np.float64],
) -> None:
    limits = thresholds(probability, np.arange(60) % 2 == 0, probability)

    assert 0 <= limits.lower <= limits.upper <= 1
