from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungwise.films import Film
from lungwise.reading import Normal, Reading, Verdict, overlay


def reading(heat: NDArray[np.float32]) -> Reading:
    return Reading(
        probability=0.9,
        verdict=Verdict.POSITIVE,
        appearance={},
        findings={},
        normal=Normal(probability=0.02, called=False),
        pattern="COVID-19",
        raised=("COVID-19",),
        heat_map=heat,
        quarter_turns=0,
        model="m",
        version="1",
    )


def test_a_clear_lung_stays_grey() -> None:
    film = Film(
        pixels=np.linspace(0, 1, 200 * 100, dtype=np.float32).reshape(200, 100), photometric="MONOCHROME2", kind="PNG"
    )

    picture = np.asarray(overlay(film, reading(np.zeros((17, 17), np.float32))))

    assert picture.shape == (200, 100, 3)
    assert np.ptp(picture, axis=2).max() == 0
    np.testing.assert_allclose(picture[..., 0] / 255, film.pixels, atol=1 / 255)


def test_colour_lies_where_the_opacity_is() -> None:
    heat = np.zeros((17, 17), np.float32)
    heat[12:15, 2:5] = 1
    film = Film(pixels=np.full((340, 340), 0.4, np.float32), photometric="MONOCHROME2", kind="PNG")

    picture = np.asarray(overlay(film, reading(heat))).astype(int)

    colour = picture[..., 0] - picture[..., 2]
    row, column = divmod(int(colour.argmax()), 340)
    assert 12 / 17 < row / 340 < 15 / 17
    assert 2 / 17 < column / 340 < 5 / 17
    assert colour[:100, 200:].max() == 0


def test_a_large_film_is_drawn_small_enough_to_send() -> None:
    film = Film(pixels=np.zeros((3000, 2000), np.float32), photometric="MONOCHROME2", kind="DICOM")

    assert overlay(film, reading(np.ones((17, 17), np.float32))).size == (683, 1024)
