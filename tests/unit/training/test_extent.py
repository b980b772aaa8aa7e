from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lungwise.films.collection import read_collection
from lungwise.reading.extent import HEAT_CONTRAST, extent_of
from lungwise.training.extent import calibrate_extent, unchanged_pairs

pytestmark = pytest.mark.training


def share_bright(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """A reader that sees opacity where a film is bright."""
    return np.full((17, 17), float((pixels > 0.6).mean()) ** HEAT_CONTRAST, np.float32)


def write(table: Path, column: str, scores: dict[str, float]) -> None:
    with table.open("w", newline="") as rows:
        csv.writer(rows).writerows([("film", column), *scores.items()])


def test_scores_of_radiologists_are_met_on_both_scales(small_collection: Path) -> None:
    """Films with a patch that takes 9 % are scored as half ill, those without as healthy."""
    folder, films = small_collection.parent, read_collection(small_collection)
    ill = {film.path.name: film.covid is True for film in films}
    write(folder / "brixia.csv", "s-global", {name: 9.0 * is_ill for name, is_ill in ill.items()})
    write(folder / "severity.csv", "geographic_mean", {name: 4.0 * is_ill for name, is_ill in ill.items()})

    calibration = calibrate_extent(films, folder, share_bright)

    assert calibration is not None
    patch = np.zeros((96, 96), np.float32)
    patch[50:80, 20:50] = 0.9
    extent = extent_of(share_bright(patch), calibration)
    assert extent.percent == pytest.approx(50, abs=1)
    assert extent.brixia == pytest.approx(9, abs=0.2)
    assert extent_of(share_bright(np.zeros((96, 96), np.float32)), calibration).brixia == 0
    assert 0 < calibration.repeatability < 30


def test_scores_of_films_that_do_not_train_are_not_looked_at(small_collection: Path) -> None:
    folder, films = small_collection.parent, read_collection(small_collection)
    val = {film.path.name: 18.0 for film in films if film.split == "val"}
    write(folder / "brixia.csv", "s-global", val)
    write(folder / "severity.csv", "geographic_mean", val)

    assert calibrate_extent(films, folder, share_bright) is None


def test_repeatability_is_what_two_clear_films_of_a_patient_differ_by(small_collection: Path) -> None:
    """Each clear film of `val` gets a second one of its patient, which is a little brighter."""
    folder = small_collection.parent
    rows = small_collection.read_text().splitlines()
    rng = np.random.default_rng(1)
    for row in [row for row in rows if ",val," in row and "negative" in row]:
        number = row.split(".")[0]
        pixels = np.asarray(Image.open(folder / f"{number}.png")).copy()
        pixels[:20, : int(rng.integers(20, 90))] = 240
        Image.fromarray(pixels).save(folder / f"{number}-again.png")
        rows.append(row.replace(f"{number}.png", f"{number}-again.png", 1))
    small_collection.write_text("\n".join(rows))
    films = read_collection(small_collection)
    write(folder / "brixia.csv", "s-global", {f.path.name: 9.0 * (f.covid is True) for f in films})
    write(folder / "severity.csv", "geographic_mean", {f.path.name: 4.0 * (f.covid is True) for f in films})

    calibration = calibrate_extent(films, folder, share_bright)

    assert calibration is not None
    assert calibration.pairs == len(list(unchanged_pairs(films))) == 4
    assert calibration.repeatability == calibration.of_pairs > calibration.taken_again > 0


def test_a_pair_is_of_one_patient_and_one_view_and_neither_has_pneumonia(small_collection: Path) -> None:
    film = next(f for f in read_collection(small_collection) if f.split == "val" and f.covid is False)
    other = replace(film, path=Path("other.png"))

    assert list(unchanged_pairs([film, other])) == [(film.path, other.path)]
    for unlike in (
        replace(other, patient="x"),
        replace(other, view="AP"),
        replace(other, label="typical appearance"),
        replace(other, split="train"),
    ):
        assert list(unchanged_pairs([film, unlike])) == []
    third = replace(film, path=Path("third.png"))
    assert len(list(unchanged_pairs([film, other, third]))) == 1, "a patient counts once"


def test_a_junior_radiologist_differs_from_the_senior(small_collection: Path) -> None:
    folder, films = small_collection.parent, read_collection(small_collection)
    with (folder / "brixia.csv").open("w", newline="") as rows:
        scored = [(f.path.name, 9 * (f.covid is True), 9 * (f.covid is True) + 2) for f in films]
        csv.writer(rows).writerows([("film", "s-global", "j-global"), *scored])
    write(folder / "severity.csv", "geographic_mean", {f.path.name: 4.0 * (f.covid is True) for f in films})

    calibration = calibrate_extent(films, folder, share_bright)

    assert calibration is not None
    assert calibration.between_readers == pytest.approx(2 * 1.96, abs=0.01)
