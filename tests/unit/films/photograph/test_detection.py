from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungwise.cli.synthetic_film import synthetic_film
from lungwise.films import open_film
from lungwise.films.collection import read_collection
from lungwise.films.photograph.detection import cut_out, find_film, straighten, transparency, unexplained_colour
from lungwise.films.photograph.simulation import photograph


def grey(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"), np.float32) / np.float32(255)


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg)).convert("RGB")


def tinted(pixels: np.ndarray) -> Image.Image:
    colours = pixels[..., None] * np.array((0.88, 0.96, 1.0))
    return Image.fromarray(np.rint(colours * 255).astype(np.uint8))


def test_a_photographed_film_is_opened_as_the_film_and_says_so() -> None:
    drawn = grey(synthetic_film(3, 1))
    opened_again = [open_film(photograph(drawn, seed).jpeg) for seed in range(8)]

    assert sum(film.photograph for film in opened_again) >= 6
    assert all(film.colour < 0.012 for film in opened_again if film.photograph)


def test_straightening_at_the_true_corners_gives_the_film_back() -> None:
    drawn = grey(synthetic_film(3, 1).resize((350, 350)))
    taken = photograph(drawn, 4)
    image = opened(taken.jpeg)
    back = grey(straighten(image, taken.corners * image.size).resize((350, 350)))

    assert np.corrcoef(back.ravel(), drawn.ravel())[0, 1] > 0.95


def test_a_grey_picture_is_never_searched_however_its_colours_are_stored() -> None:
    taken = opened(photograph(grey(synthetic_film(3, 1)), 4).jpeg).convert("L")

    assert find_film(taken) is not None
    assert cut_out(taken) is None
    assert cut_out(taken.convert("RGB")) is None


def test_a_coloured_picture_in_a_frame_is_no_film() -> None:
    picture = np.random.default_rng(2).integers(0, 140, (8, 8, 3), np.uint8)
    image = Image.new("RGB", (640, 480), (240, 240, 250))
    image.paste(Image.fromarray(picture).resize((360, 300), Image.Resampling.NEAREST), (120, 80))

    assert find_film(image) is not None
    assert cut_out(image) is None
    assert unexplained_colour(image) > 0.02


def test_one_tint_is_explained_and_grey_has_none() -> None:
    film = grey(synthetic_film(1, 0))

    assert unexplained_colour(tinted(film)) < 0.005
    assert unexplained_colour(Image.fromarray((film * 255).astype(np.uint8))) == 0


def test_transparency_is_the_share_one_sees_through() -> None:
    icon = Image.new("RGBA", (100, 100))
    icon.paste((200, 200, 200, 255), (0, 0, 100, 40))

    assert transparency(icon) == pytest.approx(0.6, abs=0.02)
    assert transparency(Image.new("L", (100, 100))) == 0


@pytest.mark.films
def test_no_film_of_any_source_is_cut_even_where_it_is_tinted(films_folder: Path) -> None:
    films = [film for film in read_collection(films_folder / "films.csv") if film.split == "val"]
    films = [film for film in films if film.group != "ood"][::25]
    clean = [open_film(film.path.read_bytes()) for film in films]

    assert not any(film.photograph for film in clean)
    assert sum(cut_out(tinted(film.pixels)) is not None for film in clean) <= len(clean) * 0.02


@pytest.mark.films
def test_real_films_are_found_in_photographs(films_folder: Path) -> None:
    films = [film for film in read_collection(films_folder / "films.csv") if film.split == "val"]
    films = [film for film in films if film.source == "siim"][::14]
    errors = []
    for seed, film in enumerate(films):
        taken = photograph(open_film(film.path.read_bytes()).pixels, seed)
        image = opened(taken.jpeg)
        found = find_film(image)
        errors.append(9 if found is None else np.abs(found / image.size - taken.corners).max())

    assert np.mean(np.array(errors) < 9) >= 0.85
    assert np.median(errors) < 0.04
