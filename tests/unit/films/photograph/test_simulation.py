from __future__ import annotations

import io

import numpy as np
from PIL import Image

from lungwise.cli.synthetic_film import synthetic_film
from lungwise.films.photograph.simulation import photograph

FILM = np.asarray(synthetic_film(1, 1).convert("L").resize((300, 330)), np.float32) / np.float32(255)


def test_a_seed_gives_one_photograph_and_another_seed_another() -> None:
    assert photograph(FILM, 5).jpeg == photograph(FILM, 5).jpeg
    assert photograph(FILM, 5).jpeg != photograph(FILM, 6).jpeg


def test_photographs_are_colour_jpegs_with_the_whole_film_in_them() -> None:
    for seed in range(6):
        taken = photograph(FILM, seed)
        with Image.open(io.BytesIO(taken.jpeg)) as image:
            assert (image.format, image.mode) == ("JPEG", "RGB")
        assert (taken.corners >= 0).all() and (taken.corners <= 1).all()
        upper_left, upper_right, lower_right, lower_left = taken.corners
        assert upper_left[0] < upper_right[0] and lower_left[0] < lower_right[0]
        assert upper_left[1] < lower_left[1] and upper_right[1] < lower_right[1]
