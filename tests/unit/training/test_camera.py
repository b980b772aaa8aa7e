from __future__ import annotations

import numpy as np
import pytest

from lungwise.cli.synthetic_film import synthetic_film
from lungwise.training.camera import photograph

pytestmark = pytest.mark.training


def test_a_photograph_is_the_same_film_in_another_light() -> None:
    film = np.asarray(synthetic_film(1, 0).convert("L").resize((120, 140)))
    likeness = []
    for seed in range(40):
        seen = photograph(film, np.random.default_rng(seed))
        assert seen.shape == film.shape
        assert seen.dtype == np.uint8
        likeness.append(np.corrcoef(seen.ravel(), film.ravel())[0, 1])

    assert np.median(likeness) > 0.8
    assert min(likeness) < 0.98


def test_the_same_seed_takes_the_same_photograph() -> None:
    film = np.asarray(synthetic_film(1, 0).convert("L").resize((120, 140)))

    once, again = (photograph(film, np.random.default_rng(5)) for _ in range(2))

    np.testing.assert_array_equal(once, again)
