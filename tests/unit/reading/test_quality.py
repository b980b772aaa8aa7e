from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from lungwise.cli.synthetic_film import synthetic_film
from lungwise.films import Film, Refusal, open_film
from lungwise.films.preprocess import preprocess
from lungwise.reading.quality import refuse_unfit


def chest() -> Film:
    pixels = np.asarray(synthetic_film(2, 0).convert("L").resize((320, 360)), np.float32) / np.float32(255)
    grain = np.random.default_rng(0).normal(0, 0.02, pixels.shape).astype(np.float32)
    return Film(pixels=np.clip(pixels * 0.8 + 0.1 + grain, 0, 1), photometric="MONOCHROME2", kind="PNG")


def smooth_chest() -> NDArray[np.float32]:
    """The same without its grain, and a little blurred."""
    drawn = synthetic_film(2, 0).convert("L").resize((320, 360)).filter(ImageFilter.GaussianBlur(2))
    return np.asarray(drawn, np.float32) / np.float32(255)


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


@pytest.mark.parametrize("grey", [0.3, 0.5, 0.8])
def test_a_washed_out_film_is_pale_whatever_its_grey(grey: float) -> None:
    assert code(shown(grey + (chest().pixels - 0.5) * 0.1)) == "too-bright"


def test_a_pale_film_of_few_grey_levels_is_no_drawing() -> None:
    levels = np.round((0.72 + smooth_chest() * 0.16) * 100) / 100

    assert code(shown(levels)) == "too-bright"


@pytest.mark.films
def test_a_washed_out_film_of_the_collection_gets_the_sentence_of_a_pale_one(films_folder: Path) -> None:
    siim = films_folder / "films" / "siim"
    washed_out = open_film((siim / "1a343e34c643.jpg").read_bytes())
    drawn = open_film((siim / "00041be70f1d.jpg").read_bytes())

    assert code(washed_out) == "too-bright"
    assert code(drawn) is None
    assert code(shown(0.75 + drawn.pixels * 0.1)) == "too-bright"


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
