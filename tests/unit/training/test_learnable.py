from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungwise.films.collection import read_collection
from lungwise.training.learnable import learnable

pytestmark = pytest.mark.training

COLUMNS = ("film", "split", "source", "group", "patient", "covid", "label", "finding", "view", "adult", "boxes")


def collection(folder: Path, *films: tuple[int, str, str, str]) -> Path:
    """A `films.csv` of films by the seed of their picture, split, patient and label."""
    rows = []
    for number, (seed, split, patient, label) in enumerate(films):
        coarse = np.random.default_rng(seed).integers(30, 220, (24, 20), np.uint8)
        Image.fromarray(coarse).resize((200 + number, 240), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
        rows.append([f"{number}.png", split, "nih", "", patient, 0, label, label, "", 1, ""])
    with (folder / "films.csv").open("w", newline="") as table:
        csv.writer(table).writerows([COLUMNS, *rows])
    return folder / "films.csv"


def test_films_of_patients_of_other_splits_are_not_learnt_by_whatever_picture(tmp_path: Path) -> None:
    table = collection(
        tmp_path,
        (1, "train", "a", "normal"),
        (1, "test", "b", "normal"),
        (2, "train", "a", "normal"),  # another film of the patient in `test`
        (3, "train", "c", "normal"),
        (4, "external", "d", "normal"),
        (5, "external", "d", "normal"),
        (5, "train", "e", "normal"),
    )
    told: list[tuple[str, int, int]] = []

    found = learnable(read_collection(table), lambda *said: told.append(said))

    assert [film.path.stem for film in found.films] == ["1", "3", "4", "5"]
    assert found.left_out == {"of train with a patient of external": 1, "of train with a patient of test": 2}
    assert "1 of train with a patient of external, 2 of train" in str(found)
    assert told[6] == ("making thumbnails", 7, 7)


def test_twins_that_contradict_each_other_are_not_learnt_from_nor_calibrated_on(tmp_path: Path) -> None:
    films = ((1, "train", "a", "normal"), (1, "train", "b", "pneumonia"), (2, "train", "c", "normal"))
    table = collection(tmp_path, *films, (3, "val", "d", "normal"), (3, "val", "e", "opacity"))

    found = learnable(read_collection(table), lambda *_: None)

    assert [film.path.stem for film in found.films] == ["2"]
    assert found.left_out == {
        "of train that the same picture contradicts": 2,
        "of val that the same picture contradicts": 2,
    }


def test_patients_who_share_a_picture_are_one_patient_to_the_folds(tmp_path: Path) -> None:
    films = ((1, "train", "a", "normal"), (1, "train", "b", "normal"), (2, "train", "b", "normal"))
    found = learnable(read_collection(collection(tmp_path, *films)), lambda *_: None)

    assert {film.patient for film in found.films} == {"a"}
    assert str(found) == "Films left out, since they are there twice: none."
