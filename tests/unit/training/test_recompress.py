from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from lungwise.cli.synthetic_film import synthetic_film
from lungwise.training.draws import Draws
from lungwise.training.recompress import compress, recompress

pytestmark = pytest.mark.training

GREY = synthetic_film(1, 0).convert("L").resize((99, 99))
FILM = torch.from_numpy(np.array(GREY, np.float32) / 255)[None, None]


def test_nothing_is_lost_where_nothing_is_rounded() -> None:
    torch.testing.assert_close(compress(FILM, torch.full((1, 8, 8), 1e-5)), FILM, atol=1e-4, rtol=0)


def test_a_film_becomes_what_jpeg_makes_of_it() -> None:
    packed = io.BytesIO()
    GREY.save(packed, "JPEG", quality=50)
    with Image.open(packed) as image:
        steps = torch.tensor(image.quantization[0], dtype=torch.float32)  # type: ignore[attr-defined]
        compressed = torch.from_numpy(np.array(image, np.float32) / 255)[None, None]

    ours = compress(FILM, steps.view(1, 8, 8) / 255)

    assert float((ours - compressed).abs().mean()) < 0.25 * float((FILM - compressed).abs().mean())


def test_films_are_changed_a_little_and_each_in_its_own_way() -> None:
    changed = recompress(FILM.expand(8, -1, -1, -1), Draws(0))

    errors = (changed - FILM).abs().mean((1, 2, 3))
    assert changed.shape == (8, 1, 99, 99)
    assert 0 < float(errors.min()) < float(errors.max()) < 0.1
