from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lungwise.films.photograph.quadrilateral import quadrilaterals

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
