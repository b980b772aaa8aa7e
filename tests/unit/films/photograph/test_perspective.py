from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lungwise.films.photograph.perspective import coefficients, rectangle, through, warp

SLANTED = np.array([(12.0, 7.0), (88.0, 15.0), (92.0, 81.0), (5.0, 90.0)])


def test_corners_go_where_they_are_sent() -> None:
    square = rectangle(40, 30)

    assert through(square, square, SLANTED) == pytest.approx(SLANTED)


def test_a_warp_and_its_inverse_give_the_picture_back() -> None:
    ramp = Image.fromarray(np.tile(np.linspace(0, 255, 100), (100, 1)).astype(np.uint8))
    there = warp(ramp, (100, 100), SLANTED, rectangle(100, 100))
    back = np.asarray(warp(there, (100, 100), rectangle(100, 100), SLANTED), np.float32)

    assert np.abs(back - np.asarray(ramp, np.float32))[5:-5, 5:-5].max() < 6


def test_corners_on_one_line_have_no_warp() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        coefficients(np.array([(0.0, 0), (1, 0), (2, 0), (3, 0)]), SLANTED)
