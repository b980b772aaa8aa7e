from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.reading.extent import (
    HEAT_CONTRAST,
    Curve,
    Direction,
    Extent,
    ExtentCalibration,
    difference,
    extent_of,
    mean_opacity,
)

CALIBRATION = ExtentCalibration(
    percent=Curve(scale=0.2, power=1.0), brixia=Curve(scale=0.3, power=0.8), repeatability=4.0
)


def test_the_heat_map_adds_up_to_the_mean_probability_of_opacity() -> None:
    probability = np.random.default_rng(0).random((17, 17)).astype(np.float32)

    assert mean_opacity(probability**HEAT_CONTRAST) == pytest.approx(float(probability.mean()), abs=1e-4)


def test_a_clear_film_has_no_extent_and_a_white_one_nearly_all() -> None:
    clear, white = (extent_of(np.full((17, 17), heat, np.float32), CALIBRATION) for heat in (0, 1))

    assert (clear.percent, clear.brixia) == (0, 0)
    assert 99 < white.percent <= 100 and 16 < white.brixia <= 18
    assert white.repeatability == 4.0


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_heat_is_more_extent(one: float, other: float) -> None:
    less, more = (extent_of(np.full((17, 17), heat, np.float32), CALIBRATION) for heat in sorted((one, other)))

    assert 0 <= less.percent <= more.percent <= 100
    assert 0 <= less.brixia <= more.brixia <= 18


@pytest.mark.parametrize(
    ("earlier", "later", "direction"),
    [(20, 30, Direction.MORE), (30, 20, Direction.LESS), (20, 26, Direction.SAME), (26, 20, Direction.SAME)],
)
def test_what_lies_within_repeatability_is_no_change(earlier: float, later: float, direction: Direction) -> None:
    first, second = (Extent(percent=percent, brixia=1.0, repeatability=6.0) for percent in (earlier, later))

    found = difference(first, second)

    assert (found.points, found.repeatability) == (later - earlier, 6.0)
    assert found.direction is direction
