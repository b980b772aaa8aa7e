from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from lungwise.films.collection import read_collection
from lungwise.reading.artefact import Thresholds
from lungwise.reading.runtime import OpenVino
from lungwise.training.export import Validation, WorseInt8Error, calibrated_extent, compare, export
from lungwise.training.fit import Run
from lungwise.training.recipe import read_recipe

pytestmark = pytest.mark.training

LIMITS = Thresholds(lower=0.3, upper=0.7)


def validation(shift: float = 0.0) -> Validation:
    rng = np.random.default_rng(0)
    positive = np.arange(500) < 250
    probability = np.clip(np.where(positive, rng.beta(5, 2, 500), rng.beta(2, 5, 500)) + shift, 0, 1)
    return Validation(probability=probability, positive=positive)


def test_an_equal_int8_network_passes() -> None:
    assert compare(validation(), validation(), LIMITS)["verdicts_flipped"] == 0


def test_an_int8_network_that_flips_verdicts_is_not_shipped() -> None:
    with pytest.raises(WorseInt8Error):
        compare(validation(), validation(shift=0.05), LIMITS)


def test_an_int8_network_that_loses_accuracy_is_not_shipped() -> None:
    exact = validation()
    wrong = np.where(np.arange(500) % 50 == 0, 1 - exact.probability, exact.probability)
    worse = Validation(probability=wrong, positive=exact.positive)

    with pytest.raises(WorseInt8Error):
        compare(exact, worse, LIMITS)


def test_a_network_that_does_not_survive_int8_leaves_the_artefact_that_is_there(
    small_collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a bound that no network meets."""
    monkeypatch.setattr("lungwise.training.export.FLIPS", -1.0)
    films = read_collection(small_collection)
    run = Run(read_recipe("inception_v3"), tmp_path / "run")
    run.start(None, films)
    run.save()
    there = tmp_path / "weights"
    there.mkdir()
    (there / "card.json").write_text("the one before")

    with pytest.raises(WorseInt8Error):
        export(tmp_path / "run", films, "9.9.9", there, lambda *_: None)

    assert [path.name for path in there.iterdir()] == ["card.json"]
    assert (there / "card.json").read_text() == "the one before"


class Eye:
    """A runtime that sees opacity where a film is bright."""

    def run(self, square: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return {"heat_map": np.full((17, 17), float((square > 0.8).mean()), np.float32)}


def test_the_extent_is_calibrated_on_the_scores_beside_the_collection(small_collection: Path) -> None:
    films, folder = read_collection(small_collection), small_collection.parent
    for table, column in (("brixia.csv", "s-global"), ("severity.csv", "geographic_mean")):
        scores = [f"{film.path.name},{8.0 * (film.covid is True)}" for film in films]
        (folder / table).write_text("\n".join([f"film,{column}", *scores]))
    seen: list[str] = []

    found = calibrated_extent(films, folder, cast(OpenVino, Eye()), lambda what, *_: seen.append(what))

    assert found is not None and found.repeatability >= found.taken_again > 0
    assert set(seen) == {"measuring the extent"}
    assert calibrated_extent(films, None, cast(OpenVino, Eye()), lambda *_: None) is None
