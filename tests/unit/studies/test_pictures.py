from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lungwise.films import open_film
from lungwise.studies import pictures


def test_a_picture_is_grey_and_no_larger_than_asked_for(film: Callable[..., bytes]) -> None:
    image = pictures.picture(open_film(film(1)), 100)
    assert image.mode == "L" and max(image.size) == 100
    assert pictures.as_jpeg(image).startswith(b"\xff\xd8\xff")


def test_a_heat_layer_is_clear_where_there_is_no_heat() -> None:
    heat = np.zeros((16, 16), np.float32)
    heat[8:12, 8:12] = 1
    layer = np.asarray(pictures.heat_layer(heat, (64, 64)))
    assert layer.shape == (64, 64, 4) and layer[0, 0, 3] == 0 and layer[40, 40, 3] > 150


def test_heat_is_drawn_over_the_film(film: Callable[..., bytes]) -> None:
    opened = open_film(film(1))
    plain = pictures.picture(opened, 64).convert("RGB")
    assert pictures.with_heat(opened, np.ones((16, 16), np.float32), 64).tobytes() != plain.tobytes()
    assert pictures.with_heat(opened, np.zeros((16, 16), np.float32), 64).tobytes() == plain.tobytes()


def test_a_film_that_lies_turned_is_drawn_upright(film: Callable[..., bytes]) -> None:
    opened = open_film(film(1))
    heat = np.zeros((17, 17), np.float32)
    heat[2, 3] = 1
    lying = replace(opened, pixels=np.ascontiguousarray(np.rot90(opened.pixels, 1)))
    assert pictures.picture(lying, 400, 1).tobytes() == pictures.picture(opened, 400).tobytes()
    lying_heat = np.ascontiguousarray(np.rot90(heat, 1))
    assert pictures.with_heat(lying, lying_heat, 400, 1).tobytes() == pictures.with_heat(opened, heat, 400).tobytes()
