from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lungwise.films.collection import read_collection
from lungwise.training import fit
from lungwise.training.dataset import Targets
from lungwise.training.fit import OutOfTimeError, Run, finished_record, losses, sha256
from lungwise.training.labels import Prediction
from lungwise.training.network import Outputs
from lungwise.training.recipe import LossWeights, Recipe, parse_recipe

pytestmark = pytest.mark.training


SETTINGS = {
    "name": "small",
    "seed": 1,
    "batch": 8,
    "weight_decay": 0.01,
    "average": 0.5,
    "smoothing": 0.0,
    "stages": [{"size": 75, "epochs": 2}],
    "learning_rate": {"trunk": 1e-4, "heads": 1e-3},
    "loss": {"appearance": 1.0, "findings": 1.0, "gate": 1.0, "opacity": 1.0},
    "share": {},
}
"""As a recipe of 1.3.0 has them, and its run folders hold them."""


@pytest.fixture
def recipe() -> Recipe:
    return parse_recipe(SETTINGS)


def silent(_what: str, _done: int, _of: int) -> None:
    """Progress nobody watches."""


class KilledError(Exception):
    pass


@pytest.fixture(scope="module")
def whole(shared_collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nobody interrupted."""
    films, folder = read_collection(shared_collection), tmp_path_factory.mktemp("whole")
    run = Run(parse_recipe(SETTINGS), folder)
    run.start(None, films)
    run.fit(films, silent, lambda _: None)
    return folder


@pytest.mark.parametrize("seconds", [0, 600])
def test_a_killed_run_goes_on_where_it_was_saved_and_learns_the_same(
    shared_collection: Path,
    whole: Path,
    recipe: Recipe,
    tmp_path: Path,
    seconds: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After each step, or after each epoch."""
    monkeypatch.setattr(fit, "SAVE_SECONDS", seconds)
    films = read_collection(shared_collection)
    epochs: list[int] = []

    def kill_in_second_epoch(what: str, done: int, _of: int) -> None:
        if what.startswith("epoch 2") and done == 2:
            raise KilledError

    broken = Run(recipe, tmp_path / "broken")
    broken.start(None, films)
    with pytest.raises(KilledError):
        broken.fit(films, kill_in_second_epoch, lambda metrics: epochs.append(metrics["epoch"]))
    resumed = Run(recipe, tmp_path / "broken")
    resumed.resume(None, films)
    assert resumed.record["step"] == (0 if seconds else 1)
    resumed.fit(films, silent, lambda metrics: epochs.append(metrics["epoch"]))

    assert epochs == [0, 1]
    one, other = (load_file(folder / "weights.safetensors") for folder in (whole, tmp_path / "broken"))
    for name, weight in one.items():
        torch.testing.assert_close(other[name], weight, msg=name)


def test_a_run_whose_time_is_used_up_is_saved(small_collection: Path, recipe: Recipe, tmp_path: Path) -> None:
    films = read_collection(small_collection)
    run = Run(recipe, tmp_path)
    run.start(None, films)

    with pytest.raises(OutOfTimeError, match="epoch 1 of 2"):
        run.fit(films, silent, lambda _: None, deadline=time.monotonic())

    resumed = Run(recipe, tmp_path)
    resumed.resume(None, films)
    assert (resumed.record["step"], resumed.record["epochs"]) == (1, [])


def test_a_run_that_was_killed_as_it_was_saved_has_the_record_of_its_checkpoint_again(
    shared_collection: Path, whole: Path, recipe: Recipe, tmp_path: Path
) -> None:
    folder = shutil.copytree(whole, tmp_path / "run")
    record = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps({**record, "epochs": record["epochs"][:1], "weights": "older"}))
    with pytest.raises(ValueError, match="1 of 2 epochs"):
        finished_record(folder)

    Run(recipe, folder).resume(None, read_collection(shared_collection))

    assert finished_record(folder) == record


def test_the_record_says_what_was_learnt_from_what(whole: Path) -> None:
    record = json.loads((whole / "record.json").read_text())
    assert record["recipe"]["seed"] == 1
    assert record["init"] is None
    assert len(record["code"]) == len(record["data"]) == 64
    assert record["weights"] == sha256(whole / "weights.safetensors")
    assert all("typical auc" in epoch and "loss" in epoch for epoch in record["epochs"])
    assert [epoch["precision"] for epoch in record["epochs"]] == ["float32", "float32"]


def test_a_frozen_stem_stays_as_it_was(small_collection: Path, recipe: Recipe, tmp_path: Path) -> None:
    films = read_collection(small_collection)
    run = Run(recipe.model_copy(update={"frozen_stem": True}), tmp_path)
    run.start(None, films)
    before = {key: value.clone() for key, value in run.network.state_dict().items()}
    run.fit(films, silent, lambda _: None)
    changed = {key.split(".")[0] for key, value in run.network.state_dict().items() if not value.equal(before[key])}
    assert [name for name in changed if name.startswith("Conv2d")] == []
    assert {"Mixed_5b", "Mixed_7c", "appearance"} <= changed


def test_a_run_without_a_checkpoint_cannot_be_resumed(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Run(recipe, tmp_path).resume(None, [])


def test_a_run_is_neither_overwritten_nor_resumed_as_another(
    small_collection: Path, recipe: Recipe, tmp_path: Path
) -> None:
    films = read_collection(small_collection)
    run = Run(recipe, tmp_path / "run")
    run.start(None, films)
    run.save()

    with pytest.raises(ValueError, match="--resume"):
        Run(recipe, tmp_path / "run").start(None, films)
    with pytest.raises(ValueError, match=r"another recipe\. Repeat the command .* or give an --output"):
        Run(recipe.model_copy(update={"seed": 2}), tmp_path / "run").resume(None, films)
    with pytest.raises(ValueError, match="other initial weights and other films"):
        Run(recipe, tmp_path / "run").resume(tmp_path / "run" / "weights.safetensors", films[:-1])
    said_anew = [replace(films[0], finding="tuberculosis", adult=not films[0].adult), *films[1:]]
    with pytest.raises(ValueError, match="with other films"):
        Run(recipe, tmp_path / "run").resume(None, said_anew)


def test_a_run_that_other_code_goes_on_with_names_both(
    small_collection: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = read_collection(small_collection)
    run = Run(recipe, tmp_path / "run")
    run.start(None, films)
    run.save()
    first = run.record["code"]
    monkeypatch.setattr("lungwise.training.fit._code_hash", lambda: "another")

    for _ in range(2):
        again = Run(recipe, tmp_path / "run")
        again.resume(None, films)
        again.save()

    assert again.record["code"] == f"{first} another"


def test_what_a_source_does_not_say_costs_nothing(recipe: Recipe) -> None:
    torch.manual_seed(0)
    outputs = Outputs(*(torch.randn(shape) for shape in ((2, 4), (2, 4), (2, 6), (2, 9, 9))))
    nothing = torch.full((2, 17, 17), torch.nan)
    unknown = torch.full((2, 4), torch.nan)
    targets = Targets(unknown, unknown, torch.tensor([0, 0]), nothing)
    outputs.appearance.requires_grad_()

    loss = losses(outputs, targets, recipe.loss)
    loss.backward()  # type: ignore[no-untyped-call]

    assert outputs.appearance.grad is not None
    assert not outputs.appearance.grad.any()
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(outputs.gate, targets.gate))


def test_an_appearance_is_learnt_as_it_is_taught(recipe: Recipe) -> None:
    outputs = Outputs(*(torch.randn(shape) for shape in ((1, 4), (1, 4), (1, 6), (1, 9, 9))))
    unknown, nothing = torch.full((1, 4), torch.nan), torch.full((1, 17, 17), torch.nan)
    taught = torch.tensor([[0.05, 0.6, 0.15, 0.2]])
    targets = Targets(taught, unknown, torch.tensor([0]), nothing)

    loss = losses(outputs, targets, recipe.loss.model_copy(update={"gate": 0.0}))

    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(outputs.appearance, taught))


def test_a_map_learns_to_have_its_highest_place_in_a_box_where_there_is_one() -> None:
    said = Outputs(*(torch.zeros(shape) for shape in ((1, 4), (1, 4), (1, 6), (1, 17, 17))))
    box, unknown = torch.zeros(1, 17, 17), torch.full((1, 4), torch.nan)
    box[0, 4:8, 4:8] = 1
    pointing = LossWeights(pointing=1.0)

    def loss(row: int, column: int, aim: torch.Tensor) -> float:
        said.opacity.zero_()
        said.opacity[0, row, column] = 9
        return float(losses(said, Targets(unknown, unknown, torch.tensor([0]), aim), pointing))

    assert loss(5, 5, box) < loss(8, 8, box)
    for silent in (torch.full_like(box, torch.nan), torch.zeros_like(box)):
        assert loss(5, 5, silent) == loss(12, 12, silent) == 0


def test_a_run_ends_where_its_loss_is_not_a_number(small_collection: Path, recipe: Recipe, tmp_path: Path) -> None:
    films = read_collection(small_collection)
    run = Run(recipe, tmp_path / "run")
    run.start(None, films)
    with torch.no_grad():
        run.network.appearance.bias.fill_(torch.nan)

    with pytest.raises(FloatingPointError, match="not a number"):
        run.fit(films, silent, lambda _: None)


def test_a_run_is_not_resumed_with_other_teachers(small_collection: Path, recipe: Recipe, tmp_path: Path) -> None:
    films = read_collection(small_collection)
    prediction = Prediction(np.full(4, 0.25, np.float32), np.full(4, 0.5, np.float32))
    run = Run(recipe, tmp_path / "run", {films[0].path: prediction})
    run.start(None, films)
    run.save()

    assert len(json.loads((tmp_path / "run" / "record.json").read_text())["teacher"]) == 64
    with pytest.raises(ValueError, match="with other predictions"):
        Run(recipe, tmp_path / "run").resume(None, films)


def test_a_run_folder_of_an_earlier_release_is_resumed(small_collection: Path, recipe: Recipe, tmp_path: Path) -> None:
    """Its record lacks the settings that were constants then."""
    films = read_collection(small_collection)
    run = Run(recipe, tmp_path)
    run.start(None, films)
    run.record["recipe"] = SETTINGS
    run.save()

    resumed = Run(recipe, tmp_path)
    resumed.resume(None, films)

    assert resumed.record["recipe"] == SETTINGS
