from __future__ import annotations

import io

import numpy as np
from PIL import Image

from lungwise.cli.synthetic_film import synthetic_film
from lungwise.films.photograph.simulation import photograph, photograph_light

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


def test_a_photograph_is_the_same_film_in_another_light() -> None:
    film = np.asarray(synthetic_film(1, 0).convert("L").resize((120, 140)))
    likeness = []
    for seed in range(40):
        seen = photograph_light(film, np.random.default_rng(seed))
        assert seen.shape == film.shape
        assert seen.dtype == np.uint8
        likeness.append(np.corrcoef(seen.ravel(), film.ravel())[0, 1])

    assert np.median(likeness) > 0.8
    assert min(likeness) < 0.98


def test_the_same_seed_takes_the_same_photograph() -> None:
    film = np.asarray(synthetic_film(1, 0).convert("L").resize((120, 140)))

    once, again = (photograph_light(film, np.random.default_rng(5)) for _ in range(2))

    np.testing.assert_array_equal(once, again)
