from __future__ import annotations

import numpy as np

from lungwise.cli.synthetic_film import HEIGHT, WIDTH, as_jpeg, synthetic_film, synthetic_jpeg
from lungwise.films import open_film


def test_a_film_is_the_same_for_its_seed_alone() -> None:
    assert as_jpeg(synthetic_film(1, 3)) == as_jpeg(synthetic_film(1, 3)) != as_jpeg(synthetic_film(2, 3))


def test_opacities_make_the_lower_lungs_brighter() -> None:
    lungs = [np.asarray(synthetic_film(1, opacities))[500:750, 170:400].mean() for opacities in (0, 2, 6)]
    assert lungs == sorted(lungs)
    assert lungs[2] > lungs[0] + 5


def test_the_files_are_films() -> None:
    film = open_film(as_jpeg(synthetic_film(1, 0)))
    assert film.pixels.shape == (HEIGHT, WIDTH)
    assert open_film(synthetic_jpeg(1)).pixels.shape == (1024, 1024)
