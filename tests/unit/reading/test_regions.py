from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from lungwise.reading.regions import outlines


def filled(heat_map: np.ndarray, side: int = 340) -> np.ndarray:
    """Fill the polygons: a hole is filled again, which takes it out."""
    whole = np.zeros((side, side), bool)
    for polygon in outlines(heat_map):
        mask = Image.new("1", (side, side))
        ImageDraw.Draw(mask).polygon([(x * side, y * side) for x, y in polygon], fill=1)
        whole ^= np.asarray(mask)
    return whole


def test_outlines_enclose_what_reaches_the_level() -> None:
    luck = np.random.default_rng(5)
    for _ in range(20):
        small = luck.random((17, 17)).astype(np.float32)
        smooth = np.asarray(Image.fromarray(small).resize((5, 5), Image.Resampling.BOX).resize((17, 17)))
        smooth = (smooth - smooth.min()) / np.ptp(smooth)
        drawn = np.asarray(Image.fromarray(smooth).resize((340, 340), Image.Resampling.BILINEAR)) >= 0.5
        found = filled(smooth)
        assert (found & drawn).sum() / (found | drawn).sum() > 0.93


def test_every_outline_is_closed_and_lies_on_the_film() -> None:
    heat_map = np.zeros((17, 17), np.float32)
    heat_map[0:4, 0:4] = heat_map[8, 8] = heat_map[9, 9] = 1
    found = outlines(heat_map)
    assert len(found) == 3  # two that touch at a corner are two
    for polygon in found:
        assert polygon[0] == polygon[-1] and len(polygon) > 3
        assert all(0 <= value <= 1 for point in polygon for value in point)


def test_a_map_that_never_reaches_the_level_has_no_outline() -> None:
    assert outlines(np.full((17, 17), 0.49, np.float32)) == []
    (whole,) = outlines(np.ones((17, 17), np.float32))
    assert len(whole) == 4 * 19 + 1 and {0.0, 1.0} == {value for point in whole for value in point if value in (0, 1)}
