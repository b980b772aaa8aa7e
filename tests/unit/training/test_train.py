from __future__ import annotations

import csv
import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lungwise.films.collection import read_collection
from lungwise.training.fit import sha256
from lungwise.training.labels import Prediction
from lungwise.training.out_of_fold import fold_of, write_predictions
from lungwise.training.recipe import Recipe, parse_recipe, read_recipe
from lungwise.training.train import Plan, device_named, precision_named, train

pytestmark = pytest.mark.training

RECIPE = """
name = "small"
seed = 1
batch = 4
weight_decay = 0.01
average = 0.5
smoothing = 0.5
stages = [{ size = 75, epochs = 1 }]
learning_rate = { trunk = 1e-4, heads = 1e-3 }
loss = { appearance = 1.0, findings = 1.0, gate = 1.0, opacity = 1.0 }
share = {}
"""


class KilledError(Exception):
    pass


def plan(films_csv: Path, epochs: list[Any], resume: bool = False, killed_at: str = "never") -> Plan:
    def progress(what: str, _done: int, _of: int) -> None:
        if len(epochs) == 1 and what.startswith(killed_at):
            raise KilledError

    return Plan(
        films_csv=films_csv,
        init=None,
        resume=resume,
        device=device_named("cpu"),
        precision=torch.float32,
        progress=progress,
        report=epochs.append,
        notify=lambda _: None,
    )


def recipe(**settings: object) -> Recipe:
    return parse_recipe({**tomllib.loads(RECIPE), **settings})


def student_in(folder: Path) -> Recipe:
    """A recipe whose two teachers take a second each."""
    (folder / "teacher.toml").write_text(f"{RECIPE}folds = 2\n")
    return recipe(teachers=str(folder / "teacher.toml"))


@pytest.fixture
def student(tmp_path: Path) -> Recipe:
    return student_in(tmp_path)


@pytest.fixture(scope="module")
def trained(shared_collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two teachers and of the network `run`, by one command, which was killed once and resumed."""
    folder = tmp_path_factory.mktemp("trained")
    student, epochs = student_in(folder), list[Any]()
    with pytest.raises(KilledError):
        train(student, folder / "run", plan(shared_collection, epochs, killed_at="teacher 2 of 2: epoch 1/1"))
    train(student, folder / "run", plan(shared_collection, epochs, resume=True))
    assert [epoch["network"] for epoch in epochs] == ["small-fold-0", "small-fold-1", "run"]
    return folder


def test_one_command_trains_the_teachers_and_then_the_network(shared_collection: Path, trained: Path) -> None:
    predicted = []
    for fold in range(2):
        with (trained / f"small-fold-{fold}" / "out_of_fold.csv").open() as table:
            predicted += [(row["film"], fold) for row in csv.DictReader(table)]
    learnt = [film for film in read_collection(shared_collection) if film.split == "train"]
    assert sorted(predicted) == sorted((film.path.name, fold_of(film, 2)) for film in learnt)
    record = json.loads((trained / "run" / "record.json").read_text())
    assert record["teacher"]
    assert record["init"] == sha256(trained / "run" / "init.safetensors")


def test_the_network_begins_from_the_mean_of_its_teachers(trained: Path) -> None:
    teachers = [load_file(trained / f"small-fold-{fold}" / "weights.safetensors") for fold in range(2)]
    for key, value in load_file(trained / "run" / "init.safetensors").items():
        assert value.equal((teachers[0][key].float() + teachers[1][key].float()) / 2)


def test_other_networks_predictions_are_learnt_beside_the_teachers(
    shared_collection: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said that the teachers are there already, and recorded by which code they were trained."""
    others = tmp_path / "others.csv"
    prediction = Prediction(np.array([0.1, 0.7, 0.1, 0.1], np.float32), np.full(4, 0.5, np.float32))
    films = [film.path for film in read_collection(shared_collection)]
    write_predictions(dict.fromkeys(films, prediction), shared_collection.parent, others)

    notices = list[str]()
    monkeypatch.setattr("lungwise.training.fit._code_hash", lambda: "another")

    asked = replace(plan(shared_collection, []), predictions=(others,), notify=notices.append)
    train(student_in(trained), trained / "beside", asked)

    run, beside = (json.loads((trained / name / "record.json").read_text()) for name in ("run", "beside"))
    assert run["teacher"] != beside["teacher"]
    assert beside["code"] == f"another {run['code']}"
    assert notices[1:] == [f"{trained / f'small-fold-{n}'} is trained already and taken as it is." for n in range(2)]


def test_teachers_that_began_from_other_weights_are_not_taken(shared_collection: Path, trained: Path) -> None:
    asked = replace(plan(shared_collection, []), init=trained / "run" / "weights.safetensors")

    with pytest.raises(ValueError, match="small-fold-0 holds a network that was trained with other initial weights"):
        train(student_in(trained), trained / "second", asked)


def test_a_fold_whose_predictions_were_cut_short_is_predicted_again(
    shared_collection: Path, trained: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(trained / "small-fold-0", tmp_path / "small-fold-0")
    whole = (run / "out_of_fold.csv").read_text()
    (run / "out_of_fold.csv").write_text(whole[: whole.rindex("\n", 0, -1) + 1])

    train(recipe(folds=2), run, plan(shared_collection, [], resume=True), fold=0)

    assert (run / "out_of_fold.csv").read_text() == whole


def test_resuming_begins_where_nothing_was_saved_and_says_so(
    small_collection: Path, student: Recipe, tmp_path: Path
) -> None:
    """A run that was killed before it was first saved goes on by the same command as any other."""
    notices, shown = list[str](), list[str]()

    def progress(what: str, _done: int, _of: int) -> None:
        shown.append(what)
        if "epoch" in what:
            raise KilledError

    asked = replace(plan(small_collection, [], resume=True), progress=progress, notify=notices.append)
    with pytest.raises(KilledError):
        train(student, tmp_path / "run", asked)

    assert notices[1:] == [f"There is nothing to resume for {tmp_path / 'run'} yet: training begins."]
    assert next(what for what in shown if "teacher" in what) == "teacher 1 of 2: loading films"
    assert shown[-1].startswith("teacher 1 of 2: epoch 1/1")


def test_predictions_need_a_recipe_that_learns_from_them(small_collection: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="labels alone"):
        train(recipe(), tmp_path / "run", replace(plan(small_collection, []), predictions=(tmp_path / "any.csv",)))


def test_a_source_that_is_left_out_is_not_seen(small_collection: Path, tmp_path: Path) -> None:
    table = small_collection.read_text().replace("0.png,train,siim", "0.png,train,nih")  # of 0 and 10
    small_collection.write_text(table)
    for name, without in (("all", ()), ("some", ("nih",))):
        train(recipe(), tmp_path / name, replace(plan(small_collection, []), without=without))

    all_films, some_films = (json.loads((tmp_path / run / "record.json").read_text()) for run in ("all", "some"))

    assert all_films["data"] != some_films["data"]
    with pytest.raises(ValueError, match="no source 'elsewhere'; it has nih, siim"):
        train(recipe(), tmp_path / "none", replace(plan(small_collection, []), without=("elsewhere",)))


def test_what_is_left_out_is_said_and_counted_in_the_record(small_collection: Path, tmp_path: Path) -> None:
    (small_collection.parent / "23.png").write_bytes((small_collection.parent / "3.png").read_bytes())
    said: list[str] = []

    train(recipe(), tmp_path / "run", replace(plan(small_collection, []), notify=said.append))

    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["left_out"] == {"of train with a patient of val": 1}
    assert said == ["Films left out, since they are there twice: 1 of train with a patient of val."]


def test_teachers_of_another_recipe_are_not_taken(small_collection: Path, student: Recipe, tmp_path: Path) -> None:
    """Their predictions are there, but are not those that the recipe asks for."""
    teacher = read_recipe(student.teachers or "")
    train(teacher.model_copy(update={"seed": 2}), tmp_path / "small-fold-0", plan(small_collection, []), fold=0)

    with pytest.raises(ValueError, match="another recipe"):
        train(student, tmp_path / "run", plan(small_collection, []))


def test_a_fold_that_the_recipe_does_not_have_is_refused(small_collection: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no fold 4"):
        train(recipe(folds=4), tmp_path / "run", plan(small_collection, []), fold=4)


def test_teachers_without_folds_are_refused(small_collection: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot teach"):
        train(recipe(teachers="inception_v3"), tmp_path / "run", plan(small_collection, []))


def test_a_device_that_is_not_here_is_named() -> None:
    with pytest.raises(ValueError, match="abacus"):
        device_named("abacus")


@pytest.mark.parametrize(
    ("instructions", "precision"),
    [({"avx2": True}, torch.float32), ({"avx2": True, "avx512_bf16": True}, torch.bfloat16), ({}, torch.float32)],
)
def test_a_processor_computes_in_bfloat16_where_it_has_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, instructions: dict[str, bool], precision: torch.dtype
) -> None:
    processor = device_named("cpu")
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: instructions)
    assert precision_named(None, processor) == precision
    assert precision_named("float32", processor) == torch.float32
    assert precision_named("bfloat16", processor) == torch.bfloat16
