from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.films.preprocess import PREPROCESSING, SIZE, preprocess
from synthetic_films import chest_film

FILM = chest_film(400, 300).astype(np.float32)


@pytest.mark.parametrize("shape", [(64, 64), (400, 300), (299, 299), (700, 64)])
@pytest.mark.parametrize("size", [SIZE, 96])
def test_every_film_becomes_the_square(shape: tuple[int, int], size: int) -> None:
    square = preprocess(chest_film(*shape).astype(np.float32), size)
    assert square.shape == (size, size)
    assert square.dtype == np.float32


def test_the_levels_are_stretched_between_their_percentiles() -> None:
    ramp = np.linspace(0.4, 0.5, SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    square = preprocess(ramp)
    assert (square.min(), square.max()) == (0, 1)
    assert np.mean(square == 0) == pytest.approx(0.005, abs=0.001)
    assert np.mean(square == 1) == pytest.approx(0.005, abs=0.001)


def test_brightness_and_contrast_of_the_film_do_not_matter() -> None:
    assert np.allclose(preprocess(FILM), preprocess(0.2 + FILM * 0.5), atol=1e-4)


def test_a_film_of_one_grey_level_becomes_0() -> None:
    assert (preprocess(np.full((80, 90), 0.7, np.float32)) == 0).all()


def test_the_layout_in_memory_does_not_matter() -> None:
    wide = np.zeros((800, 600), np.float32)
    wide[::2, ::2] = FILM
    assert np.array_equal(preprocess(wide[::2, ::2]), preprocess(FILM))
    assert np.array_equal(preprocess(np.asfortranarray(FILM)), preprocess(FILM))


def test_the_film_itself_is_left_alone() -> None:
    film = FILM.copy()
    film.setflags(write=False)
    preprocess(film)
    assert np.array_equal(film, FILM)


def test_the_name_tells_side_stretch_and_version() -> None:
    assert PREPROCESSING.split("|") == ["grey", f"squash({SIZE})", "stretch(0.5,99.5)", "v2"]


@given(st.integers(64, 200), st.integers(64, 200), st.floats(0, 1, width=32), st.integers(0, 2**32 - 1))
def test_the_result_is_always_in_the_unit_range(height: int, width: int, contrast: float, seed: int) -> None:
    film = np.random.default_rng(seed).random((height, width), np.float32) * np.float32(contrast)
    square = preprocess(film, 64)
    assert np.isfinite(square).all()
    assert square.min() >= 0
    assert square.max() <= 1
