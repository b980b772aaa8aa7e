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
from lungwise.films.photograph.simulation import Photograph, photograph


def grey(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"), np.float32) / np.float32(255)


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg)).convert("RGB")


def resized(jpeg: bytes, longest: int, quality: int = 92) -> bytes:
    image = opened(jpeg)
    scale = longest / max(image.size)
    out = io.BytesIO()
    size = round(image.width * scale), round(image.height * scale)
    image.resize(size, Image.Resampling.LANCZOS).save(out, "JPEG", quality=quality)
    return out.getvalue()


def found_in(jpegs: list[bytes]) -> np.ndarray:
    """Return the corners as fractions of each photograph's sides, (n, 4, 2); zeros where none were found."""
    images = [opened(jpeg) for jpeg in jpegs]
    corners = [(find_film(image), image.size) for image in images]
    return np.stack([np.zeros((4, 2)) if found is None else found / size for found, size in corners])


@pytest.fixture(scope="module")
def photographs() -> list[Photograph]:
    drawn = grey(synthetic_film(3, 1))
    return [photograph(drawn, seed) for seed in range(20, 32)]


def tinted(pixels: np.ndarray) -> Image.Image:
    colours = pixels[..., None] * np.array((0.88, 0.96, 1.0))
    return Image.fromarray(np.rint(colours * 255).astype(np.uint8))


def test_a_photographed_film_is_opened_as_the_film_and_says_so() -> None:
    drawn = grey(synthetic_film(3, 1))
    opened_again = [open_film(photograph(drawn, seed).jpeg) for seed in range(8)]

    assert sum(film.photograph for film in opened_again) >= 6
    assert all(film.colour < 0.012 for film in opened_again if film.photograph)


def test_a_phones_photograph_has_its_corners_at_the_same_places_when_it_is_made_smaller() -> None:
    drawn = grey(synthetic_film(3, 1))
    jpegs = [photograph(drawn, seed, side=4032).jpeg for seed in range(3)]
    as_taken = found_in(jpegs)

    assert as_taken.any((1, 2)).sum() >= 2
    for longest in (2000, 1200):
        assert np.abs(found_in([resized(jpeg, longest) for jpeg in jpegs]) - as_taken).max() < 0.001


@pytest.mark.parametrize(("longest", "quality"), [(1024, 80), (777, 92)])
def test_corners_hardly_change_with_a_few_pixels_or_another_compression(
    photographs: list[Photograph], longest: int, quality: int
) -> None:
    as_taken = found_in([taken.jpeg for taken in photographs])
    again = found_in([resized(taken.jpeg, longest, quality) for taken in photographs])

    assert (np.abs(again - as_taken).max((1, 2)) < 0.002).mean() >= 0.8


def test_a_films_edges_are_found_to_fractions_of_a_pixel_of_the_picture_searched(
    photographs: list[Photograph],
) -> None:
    found = found_in([taken.jpeg for taken in photographs])
    errors = np.abs(found - np.stack([taken.corners for taken in photographs])).max((1, 2))

    assert np.quantile(errors, 0.25) < 0.002  # of the others a part that is as dark as the screen is cut off


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


@pytest.mark.parametrize("size", [(20000, 64), (64, 20000), (1, 1)])
def test_a_strip_of_colour_holds_no_film(size: tuple[int, int]) -> None:
    assert cut_out(Image.new("RGB", size, (90, 120, 160))) is None


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

    assert np.mean(np.array(errors) < 9) >= 0.95
    assert np.quantile(errors, 0.25) < 0.004
    assert np.median(errors) < 0.03
