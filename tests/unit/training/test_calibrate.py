from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from lungwise.training.calibrate import gate, scaling, thresholds

pytestmark = pytest.mark.training


def test_the_scaling_undoes_overconfidence_and_what_all_odds_lack() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, 20_000)
    positive = rng.random(20_000) < 1 / (1 + np.exp(-honest))

    as_it_is, lacking = scaling(honest, positive), scaling((honest - 2) * 3, positive)
    np.testing.assert_allclose([as_it_is.temperature, as_it_is.offset], [1, 0], atol=0.06)
    np.testing.assert_allclose([lacking.temperature, lacking.offset], [3, 2], atol=0.15)


def test_the_gate_turns_few_good_films_away_and_those_that_are_least_like_one() -> None:
    upright = np.linspace(0.001, 1, 1000)

    assert (upright < gate(upright)).sum() == 2
    assert gate(np.array([0.4, 0.9])) == 0.4


def test_the_gate_asks_for_no_more_than_it_may_of_a_good_film() -> None:
    assert gate(np.full(1000, 0.999)) == 0.9


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
