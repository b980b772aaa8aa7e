from __future__ import annotations

import numpy as np
import pytest

from lungwise.cli.synthetic_film import synthetic_film
from lungwise.training.synthetic_negatives import synthetic_negative

pytestmark = pytest.mark.training


def test_a_negative_differs_each_time_and_is_never_the_film() -> None:
    film = np.asarray(synthetic_film(1, 0).convert("L").resize((299, 299)))
    pictures = [synthetic_negative(film, np.random.default_rng(seed)) for seed in range(60)]

    assert {picture.shape for picture in pictures} == {(299, 299)}
    assert len({picture.tobytes() for picture in pictures}) == 60
    assert max(abs(np.corrcoef(picture.ravel(), film.ravel())[0, 1]) for picture in pictures if picture.std()) < 0.95


def test_a_very_small_film_gives_its_piece_too() -> None:
    film = np.full((64, 64), 90, np.uint8)

    assert all(synthetic_negative(film, np.random.default_rng(seed)).shape == (299, 299) for seed in range(30))
