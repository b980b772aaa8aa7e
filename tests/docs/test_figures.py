"""What the project promises of its model, held against the committed measurements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lungwise.monitoring.drift import read_reference
from lungwise.reading.artefact import WEIGHTS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def evaluation() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DOCS / "evaluation.json").read_text(encoding="utf-8"))
    return loaded


def siim(evaluation: dict[str, Any]) -> dict[str, Any]:
    test = next(split for split in evaluation["splits"] if split["split"] == "test")
    found: dict[str, Any] = next(source for source in test["sources"] if source["source"] == "siim")
    return found


def test_the_figures_are_those_of_the_shipped_model(evaluation: dict[str, Any]) -> None:
    assert evaluation["card"] == json.loads((WEIGHTS / "card.json").read_text(encoding="utf-8"))


def test_typical_films_are_told_from_negative_ones(evaluation: dict[str, Any]) -> None:
    assert siim(evaluation)["tasks"][0]["auc"]["value"] >= 0.92


def test_the_heat_map_points_into_the_radiologists_boxes(evaluation: dict[str, Any]) -> None:
    assert siim(evaluation)["localisation"]["pointing_game"]["value"] >= 0.75


def test_every_chest_film_of_the_training_hospitals_is_read(evaluation: dict[str, Any]) -> None:
    assert siim(evaluation)["refusals"]["share"]["value"] == 0


def test_int8_stays_by_float32() -> None:
    val = json.loads((WEIGHTS / "card.json").read_text(encoding="utf-8"))["metrics"]["val"]

    assert val["auc_float32"] - val["auc_int8"] <= 0.003
    assert val["verdicts_flipped"] <= 0.01


def test_a_film_costs_little_more_than_the_network() -> None:
    bench = json.loads((DOCS / "bench.json").read_text(encoding="utf-8"))

    assert bench["whole_over_network"] <= 1.6
    assert bench["batch_over_network"] <= 1.3
    assert bench["resident_megabytes"] < 400
    assert bench["first_reading_seconds"] < 2


def test_drift_is_held_against_the_shipped_model() -> None:
    card = json.loads((WEIGHTS / "card.json").read_text(encoding="utf-8"))
    reference = read_reference()

    assert (reference.model.name, reference.model.version) == (card["name"], card["version"]), "run lungwise reference"
    assert reference.spread.films >= 500
