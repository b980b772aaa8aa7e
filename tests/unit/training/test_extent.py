from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lungwise.films.collection import read_collection
from lungwise.reading.extent import HEAT_CONTRAST, extent_of
from lungwise.training.extent import calibrate_extent, read_scores

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


def test_a_collection_without_scores_has_none(tmp_path: Path) -> None:
    assert read_scores(tmp_path / "brixia.csv", "s-global") == {}
