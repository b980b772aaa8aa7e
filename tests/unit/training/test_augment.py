from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lungwise.training.augment import augment, match_levels, transplant
from lungwise.training.recipe import Odds

pytestmark = pytest.mark.training


def film(rng: np.random.Generator, shape: tuple[int, int] = (120, 90)) -> NDArray[np.uint8]:
    return rng.integers(0, 256, shape, np.uint8)


def test_a_film_keeps_its_shape_and_the_map_stays_a_map() -> None:
    for seed in range(60):
        rng = np.random.default_rng(seed)
        opacity = np.zeros((120, 90), np.uint8)
        changed, moved = augment(film(rng), opacity, film(rng, (64, 64)), Odds(), rng)
        assert changed.shape == moved.shape == (120, 90)
        assert changed.dtype == np.uint8
        assert not moved.any()


def test_the_same_seed_gives_the_same_film() -> None:
    original = film(np.random.default_rng(0))
    once, again = (augment(original, original, original, Odds(), np.random.default_rng(5))[0] for _ in range(2))

    np.testing.assert_array_equal(once, again)


def test_the_opacity_moves_with_the_lung() -> None:
    """A bright square on black, and its map: wherever one goes, the other is."""
    square = np.zeros((200, 160), np.uint8)
    square[60:110, 30:70] = 255
    overlaps = []
    for seed in range(40):
        changed, moved = augment(square, square, square, Odds(), np.random.default_rng(seed))
        bright, mapped = changed > 128, moved > 128
        overlaps.append((bright & mapped).sum() / max(mapped.sum(), 1))

    assert np.median(overlaps) > 0.9


def test_a_transplanted_chest_lies_in_the_surroundings_of_another() -> None:
    bright, dark = np.full((120, 90), 200, np.uint8), np.tile(np.arange(90, dtype=np.uint8), (100, 1))
    bright[::2] = 210

    moved = transplant(bright, dark, np.random.default_rng(0))

    np.testing.assert_array_equal(moved[40:80, 30:60], bright[40:80, 30:60])
    edges = np.concatenate([moved[0], moved[-1]])
    assert not np.array_equal(edges, np.concatenate([bright[0], bright[-1]]))
    assert abs(float(edges.mean()) - 205) < 10  # with the levels of the film they now belong to


def test_matched_levels_are_those_of_the_other_film() -> None:
    rng = np.random.default_rng(0)
    dark = rng.integers(0, 60, (100, 100), np.uint8)
    bright = rng.integers(150, 256, (100, 100), np.uint8)

    matched = match_levels(dark, bright)

    assert abs(float(np.median(matched)) - float(np.median(bright))) < 6
    assert np.all(np.diff(matched.ravel()[np.argsort(dark.ravel(), kind="stable")].astype(int)) >= 0)


def test_odds_of_nothing_leave_moving_and_shading() -> None:
    never = Odds(**dict.fromkeys(Odds.model_fields, 0.0))
    original = film(np.random.default_rng(0))
    other = np.zeros_like(original)

    with_style, without = (
        augment(original, original, style, never, np.random.default_rng(5))[0] for style in (original, other)
    )

    np.testing.assert_array_equal(with_style, without)
