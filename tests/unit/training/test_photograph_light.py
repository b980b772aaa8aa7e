from __future__ import annotations

import numpy as np
import pytest
import torch

from lungwise.cli.synthetic_film import synthetic_film
from lungwise.training.draws import Draws
from lungwise.training.photograph_light import photograph_light

pytestmark = pytest.mark.training

FILM = torch.from_numpy(np.asarray(synthetic_film(1, 0).convert("L").resize((140, 140)), np.float32) / 255)


def test_a_photograph_is_the_same_film_in_another_light() -> None:
    films = FILM.expand(40, 1, 140, 140)

    seen = photograph_light(films, Draws(0))

    likeness = [float(torch.corrcoef(torch.stack((one.ravel(), FILM.ravel())))[0, 1]) for one in seen]
    assert np.median(likeness) > 0.8
    assert min(likeness) < 0.98
    assert float(seen.min()) >= 0 and float(seen.max()) <= 1


def test_the_same_key_takes_the_same_photograph() -> None:
    once, again = (photograph_light(FILM.expand(3, 1, 140, 140), Draws(5)) for _ in range(2))

    assert torch.equal(once, again)
