from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lungwise.films.photograph.quadrilateral import quadrilaterals, refined

CORNERS = np.array([(60.0, 40.0), (262.0, 52.0), (250.0, 214.0), (52.0, 196.0)])


def drawn(inside: int, outside: int) -> np.ndarray:
    image = Image.new("L", (320, 240), outside)
    ImageDraw.Draw(image).polygon([tuple(corner) for corner in CORNERS.tolist()], fill=inside)
    return np.asarray(image, np.float32) / np.float32(255)


@pytest.mark.parametrize(("inside", "outside", "darker"), [(40, 220, True), (220, 40, False)])
def test_a_slanted_sheet_is_found_and_which_side_is_darker(inside: int, outside: int, darker: bool) -> None:
    found = quadrilaterals(drawn(inside, outside), surest=0.8)

    assert np.abs(found[0].corners - CORNERS).max() < 5
    assert found[0].darker_inside is darker


def test_where_nothing_closes_nothing_is_found() -> None:
    assert quadrilaterals(np.full((240, 320), 0.5, np.float32), surest=0.5) == []
    noise = np.random.default_rng(1).random((240, 320), np.float32)
    assert quadrilaterals(noise, surest=0.65) == []


@pytest.mark.parametrize("seed", range(5))
def test_wherever_a_side_starts_it_ends_on_its_edge(seed: int) -> None:
    aside = np.random.default_rng(seed).uniform(-2.5, 2.5, (4, 2))
    ends = refined(drawn(40, 220), CORNERS)

    assert np.abs(ends - CORNERS).max() < 1.2  # the polygon holds the pixels of its last row and column
    assert np.abs(refined(drawn(40, 220), CORNERS + aside) - ends).max() < 0.25


def test_a_side_without_an_edge_stays() -> None:
    assert refined(np.full((240, 320), 0.5, np.float32), CORNERS) == pytest.approx(CORNERS)


def test_an_edge_under_a_part_of_a_side_does_not_throw_its_corners_away() -> None:
    grey = np.full((240, 320), 0.5, np.float32)
    grey[:43, 150:170] = 1

    assert np.abs(refined(grey, CORNERS) - CORNERS).max() < 10
