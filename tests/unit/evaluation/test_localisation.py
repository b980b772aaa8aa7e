"""Heat maps against boxes, place by place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from lungwise.evaluation.localisation import covered, energy_inside, points_inside
from lungwise.films.collection import Box

LEFT: Box = (0.0, 0.0, 0.5, 1.0)
FRACTIONS = st.floats(-0.2, 1.2)
BOXES = st.lists(st.tuples(FRACTIONS, FRACTIONS, st.floats(0, 1.2), st.floats(0, 1.2)), max_size=4)


def test_the_hot_spot_counts_in_any_box() -> None:
    boxes = [LEFT, (0.8, 0.8, 0.1, 0.1)]
    assert points_inside((0.25, 0.9), boxes)
    assert points_inside((0.85, 0.85), boxes)
    assert not points_inside((0.6, 0.5), boxes)
    assert not points_inside((0.25, 0.5), [])


def test_overlapping_boxes_count_once() -> None:
    assert covered([LEFT, LEFT, (0.0, 0.0, 1.0, 0.5)], (4, 4)).mean() == 0.75


def test_a_cell_half_in_a_box_counts_half() -> None:
    assert covered([(0.0, 0.0, 0.125, 1.0)], (4, 4))[:, 0] == pytest.approx(0.5)


def test_even_heat_lies_in_boxes_as_their_area_says() -> None:
    heat = np.full((17, 17), 0.3, np.float32)
    assert energy_inside(heat, [LEFT]) == pytest.approx(0.5)


def test_heat_outside_the_boxes_does_not_count() -> None:
    heat = np.zeros((17, 17), np.float32)
    heat[:, 12:] = 1
    assert energy_inside(heat, [LEFT]) == 0
    assert energy_inside(heat, [(0.5, 0.0, 0.5, 1.0)]) == 1


def test_a_map_without_heat_lies_nowhere() -> None:
    assert energy_inside(np.zeros((17, 17), np.float32), [LEFT]) == 0


@given(arrays(np.float32, (17, 17), elements=st.floats(0, 1, width=32)), BOXES)
@settings(max_examples=60)
def test_the_share_inside_is_a_share_whatever_the_boxes(heat: NDArray[np.float32], boxes: list[Box]) -> None:
    assert 0 <= energy_inside(heat, boxes) <= 1


@given(arrays(np.float32, (17, 17), elements=st.floats(0, 1, width=32)), BOXES, BOXES)
@settings(max_examples=60)
def test_more_boxes_never_hold_less_heat(heat: NDArray[np.float32], boxes: list[Box], more: list[Box]) -> None:
    assert energy_inside(heat, boxes + more) >= energy_inside(heat, boxes) - 1e-9
