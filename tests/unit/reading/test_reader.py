from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lungwise.films import Film, Refusal, open_film
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.reading import Reader, Reading
from lungwise.reading.artefact import APPEARANCES
from lungwise.reading.extent import Curve, ExtentCalibration, extent_of
from lungwise.reading.findings import FINDING_NAMES


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.fixture(scope="module")
def chest(films_folder: Path) -> list[LabelledFilm]:
    films = read_collection(films_folder / "films.csv")
    return [film for film in films if film.source == "siim" and film.split == "train"][:12]


def opened(film: LabelledFilm) -> Film:
    return open_film(film.path.read_bytes())


@pytest.mark.films
def test_a_reading_says_everything(reader: Reader, chest: list[LabelledFilm]) -> None:
    reading = reader.read(opened(chest[0]))

    assert list(reading.appearance) == list(APPEARANCES)
    assert list(reading.findings) == list(FINDING_NAMES)
    assert reading.heat_map.shape == (17, 17)
    assert 0 < reading.probability < 1
    assert (reading.model, reading.version) == (reader.artefact.card.name, reader.artefact.card.version)


@pytest.mark.films
def test_a_reading_carries_the_extent_that_its_heat_map_adds_up_to(reader: Reader, chest: list[LabelledFilm]) -> None:
    calibration = ExtentCalibration(
        percent=Curve(scale=0.17, power=0.6), brixia=Curve(scale=0.25, power=0.5), repeatability=19.0
    )
    calibrated = Reader(replace(reader.artefact, card=replace(reader.artefact.card, extent=calibration)))
    film = replace(opened(chest[0]), view="AP")

    reading = calibrated.read(film)

    assert reading.extent == extent_of(reading.heat_map, calibration)
    assert reading.view == "AP"
    assert calibrated.read(replace(film, view="LL")).view is None


@pytest.mark.films
def test_a_model_without_its_calibration_says_no_extent(reader: Reader, chest: list[LabelledFilm]) -> None:
    uncalibrated = Reader(replace(reader.artefact, card=replace(reader.artefact.card, extent=None)))

    assert uncalibrated.read(opened(chest[0])).extent is None


@pytest.mark.films
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_film_is_read_as_the_upright_one_and_its_map_lies_as_it_does(
    reader: Reader, chest: list[LabelledFilm], turns: int
) -> None:
    upright = opened(chest[0])
    turned = replace(upright, pixels=np.rot90(upright.pixels, turns))

    straight, read = reader.read(upright), reader.read(turned)

    assert read.quarter_turns == turns
    assert read.probability == pytest.approx(straight.probability, abs=0.02)
    np.testing.assert_allclose(np.rot90(read.heat_map, -turns), straight.heat_map, atol=0.1)


@pytest.mark.films
def test_what_to_know_before_believing_is_said(reader: Reader, chest: list[LabelledFilm]) -> None:
    plain = opened(chest[0])

    assert reader.read(replace(plain, age=40)).warnings == ()
    assert reader.read(replace(plain, age=17.9, photograph=True)).warnings == ("photograph", "child")
    turned = reader.read(replace(plain, pixels=np.rot90(plain.pixels, 2)))
    assert turned.warnings == ("turned-upright",)


@pytest.mark.films
def test_many_threads_read_what_one_reads(reader: Reader, chest: list[LabelledFilm]) -> None:
    alone = [reader.read(opened(film)).probability for film in chest]

    with ThreadPoolExecutor(4) as pool:
        shared = list(pool.map(lambda film: reader.read(opened(film)).probability, chest))

    assert shared == pytest.approx(alone, abs=1e-3)


@pytest.mark.films
def test_many_films_come_back_in_their_order_each_with_its_own_outcome(
    reader: Reader, chest: list[LabelledFilm], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(chest[0].path.read_bytes()[:500])
    paths = [chest[0].path, broken, tmp_path / "missing.jpg", *(film.path for film in chest[1:])]

    files = list(reader.read_many(paths))

    assert [file.path for file in files] == paths
    kinds = [file.outcome.code if isinstance(file.outcome, Refusal) else "read" for file in files]
    assert kinds == ["read", "damaged", "unreachable", *["read"] * (len(chest) - 1)]
    again = reader.read(opened(chest[-1]))
    last = files[-1].outcome
    assert isinstance(last, Reading)
    assert last.probability == pytest.approx(again.probability, abs=1e-3)


@pytest.mark.films
def test_paths_are_taken_only_as_fast_as_they_are_read(reader: Reader, chest: list[LabelledFilm]) -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield chest[0].path

    files = reader.read_many(endless())
    next(files)

    assert taken < 100
    files.close()  # type: ignore[attr-defined]


def test_a_grey_field_is_refused(reader: Reader) -> None:
    with pytest.raises(Refusal) as refused:
        reader.read(Film(pixels=np.full((400, 400), 0.5, np.float32), photometric="MONOCHROME2", kind="PNG"))

    assert refused.value.code == "blank"


def test_an_ungated_prediction_refuses_nothing(reader: Reader) -> None:
    film = Film(pixels=np.full((400, 400), 0.5, np.float32), photometric="MONOCHROME2", kind="PNG")
    looked = reader.predict_ungated(film)

    assert 0 <= looked.probability <= 1
