from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

if find_spec("torch") is None:
    collect_ignore_glob = ["test_*.py"]

COLUMNS = (
    "film",
    "split",
    "source",
    "group",
    "patient",
    "covid",
    "label",
    "finding",
    "view",
    "adult",
    "boxes",
    "origin",
)


@pytest.fixture
def small_collection(tmp_path: Path) -> Path:
    """The `films.csv` of 24 drawn squares: a bright patch where a film is typical, none where it is negative."""
    return _draw_collection(tmp_path / "collection")


@pytest.fixture(scope="module")
def shared_collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, for what a module trains once."""
    return _draw_collection(tmp_path_factory.mktemp("shared") / "collection")


def _draw_collection(folder: Path) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for index in range(24):
        typical = index % 2 == 0
        pixels = rng.integers(20, 90, (96, 96), np.uint8)
        if typical:
            pixels[50:80, 20:50] = 230
        Image.fromarray(pixels).save(folder / f"{index}.png")
        label = "typical appearance" if typical else "negative for pneumonia"
        boxes = "[[0.2, 0.52, 0.32, 0.31]]" if typical else ""
        split = "val" if index >= 16 else "train"
        rows.append([f"{index}.png", split, "siim", "same-source", index, int(typical), label, label, "", 1, boxes, ""])
    with (folder / "films.csv").open("w", newline="") as table:
        csv.writer(table).writerows([COLUMNS, *rows])
    return folder / "films.csv"
