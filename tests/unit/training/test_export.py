from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from lungwise.films import open_film
from lungwise.films.collection import read_collection
from lungwise.films.preprocess import preprocess
from lungwise.reading.artefact import Thresholds
from lungwise.reading.runtime import OpenVino
from lungwise.training.export import Validation, WorseInt8Error, calibrated_extent, compare, export
from lungwise.training.fit import OutOfTimeError, Run
from lungwise.training.quantise import HEADS, head_logits
from lungwise.training.recipe import Stage, read_recipe

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


@dataclass(frozen=True)
class Exported:
    """An export that failed: its run, the artefact's folder, the films of training, and what was said meanwhile."""

    run: Path
    weights: Path
    films: list[Path]
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def exported(shared_collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Export a network that learnt nothing, once for all that is asked of it, with a bound that no network meets."""
    films, folder = read_collection(shared_collection), tmp_path_factory.mktemp("exported")
    made = Exported(folder / "run", folder / "weights", [film.path for film in films if film.split == "train"])
    run = Run(read_recipe("inception_v3"), made.run)
    run.start(None, films)
    run.record["epochs"] = [{}] * run.recipe.epochs
    run.save()
    made.weights.mkdir()
    (made.weights / "card.json").write_text("the one before")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(WorseInt8Error):
        patch.setattr("lungwise.training.export.FLIPS", -1.0)
        export(made.run, films, "9.9.9", made.weights, lambda what, *_: made.said.append(what))
    return made


def test_a_network_that_does_not_survive_int8_leaves_the_artefact_that_is_there(exported: Exported) -> None:
    assert [path.name for path in exported.weights.iterdir()] == ["card.json"]
    assert (exported.weights / "card.json").read_text() == "the one before"


def test_int8_has_no_mean_error_in_the_heads_on_the_films_that_set_its_ranges(exported: Exported) -> None:
    squares = [preprocess(open_film(path.read_bytes()).pixels) for path in exported.films]
    graphs = [exported.run / name for name in ("float32.onnx", "int8.onnx")]
    exact, int8 = (head_logits(graph) for graph in graphs)
    asked = [(exact(square), int8(square)) for square in squares]

    for head in range(len(HEADS)):
        before, after = (np.mean([pair[graph][head] for pair in asked], axis=0) for graph in (0, 1))
        np.testing.assert_allclose(after, before, atol=1e-3)
    assert graphs[1].stat().st_size < graphs[0].stat().st_size / 3
    assert exported.said.count("quantising") == 2


@pytest.fixture
def half_trained(small_collection: Path, tmp_path: Path) -> Path:
    """The folder of a run whose time was used up in its first epoch, and that was saved."""
    films, folder = read_collection(small_collection), tmp_path / "run"
    run = Run(
        read_recipe("inception_v3").model_copy(update={"batch": 4, "stages": (Stage(size=75, epochs=1),)}), folder
    )
    run.start(None, films)
    with pytest.raises(OutOfTimeError):
        run.fit(films, lambda *_: None, lambda _: None, deadline=time.monotonic())
    return folder


def test_a_network_that_has_not_learnt_all_epochs_is_not_exported(
    half_trained: Path, small_collection: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "weights"

    with pytest.raises(ValueError, match=r"learnt 0 of 1 epochs.*--resume"):
        export(half_trained, read_collection(small_collection), "9.9.9", weights, lambda *_: None)

    assert not weights.exists()


def test_weights_of_another_record_are_not_exported(exported: Exported, small_collection: Path, tmp_path: Path) -> None:
    run = shutil.copytree(exported.run, tmp_path / "run")
    save_file({"other": torch.zeros(1)}, run / "weights.safetensors")

    with pytest.raises(ValueError, match=r"weights.safetensors is not what record.json describes"):
        export(run, read_collection(small_collection), "9.9.9", tmp_path / "weights", lambda *_: None)


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
