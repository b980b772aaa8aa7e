from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from lungwise.cli.synthetic_film import synthetic_film
from lungwise.films import Film, Refusal
from lungwise.films.preprocess import preprocess
from lungwise.reading.quality import refuse_unfit


def chest() -> Film:
    pixels = np.asarray(synthetic_film(2, 0).convert("L").resize((320, 360)), np.float32) / np.float32(255)
    grain = np.random.default_rng(0).normal(0, 0.02, pixels.shape).astype(np.float32)
    return Film(pixels=np.clip(pixels * 0.8 + 0.1 + grain, 0, 1), photometric="MONOCHROME2", kind="PNG")


def code(film: Film) -> str | None:
    try:
        refuse_unfit(film, preprocess(film.pixels))
    except Refusal as refusal:
        assert refusal.reason.endswith(".")
        return refusal.code
    return None


def shown(pixels: np.ndarray) -> Film:
    return replace(chest(), pixels=np.asarray(pixels, np.float32))


def test_a_chest_film_passes() -> None:
    assert code(chest()) is None


def test_exposure_is_measured_before_the_levels_are_stretched() -> None:
    pixels = chest().pixels

    assert code(shown(pixels * 0.1)) == "too-dark"
    assert code(shown(0.9 + pixels * 0.1)) == "too-bright"
    assert code(shown(np.clip(pixels * 4, 0, 1))) == "too-bright"
    assert code(shown(np.clip(pixels * 3 - 2, 0, 1))) == "too-dark"


def test_a_strip_of_a_film_is_cut_off() -> None:
    assert code(shown(chest().pixels[:125])) == "cut-off"


def test_a_blurred_film_and_a_thumbnail_are_too_coarse() -> None:
    assert code(shown(chest().pixels[::3, ::3])) == "too-coarse"
    blurred = Image.fromarray((chest().pixels * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(30))

    assert code(shown(np.asarray(blurred, np.float32) / np.float32(255))) == "too-coarse"


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_no_film(seed: int) -> None:
    assert code(shown(np.random.default_rng(seed).random((320, 320)))) == "not-a-chest-film"


def test_a_flat_drawing_a_colourful_and_a_transparent_picture_are_no_films() -> None:
    drawing = np.kron(np.random.default_rng(1).uniform(0.1, 0.9, (6, 6)), np.ones((50, 50)))

    assert code(shown(drawing)) == "not-a-chest-film"
    assert code(replace(chest(), colour=0.05)) == "not-a-chest-film"
    assert code(replace(chest(), transparent=0.3)) == "not-a-chest-film"
