"""From constructed tables to the evaluation, number by number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lungwise.evaluation.evaluate import evaluate, measure_split
from lungwise.evaluation.results import EvaluatedFilm, FilmReader, Track
from lungwise.evaluation.schema import Evaluation, Source
from lungwise.evaluation.sources import Controlled


def test_the_pooled_mixed_source_gets_no_auc(result: Callable[..., EvaluatedFilm], uncontrolled: Controlled) -> None:
    rows = [
        result(0.9, source="cohen-a.org", group="mixed", label="COVID-19", covid=True),
        result(0.1, source="cohen-b.org", group="mixed", label="other"),
    ]
    measured = measure_split("test", rows, None, uncontrolled)
    assert [source["source"] for source in measured["sources"]] == ["cohen"]
    assert measured["sources"][0]["tasks"] == []
    assert measured["sources"][0]["verdicts"]["sensitivity"]["value"] == 1


@pytest.fixture
def evaluation(reader: FilmReader, collection: Path, untracked: Track) -> Evaluation:
    return evaluate(reader, collection, ("test", "external"), "lungwise evaluate", untracked)[1]


def source(evaluation: Evaluation, name: str) -> Source:
    return next(s for split in evaluation["splits"] for s in split["sources"] if s["source"] == name)


def test_evaluation_goes_from_films_to_numbers(evaluation: Evaluation) -> None:
    siim = source(evaluation, "siim")
    assert siim["tasks"][0]["auc"]["value"] == 1
    assert siim["patients"] == 10
    assert siim["localisation"] is not None
    assert source(evaluation, "hannover")["verdicts"]["sensitivity"]["value"] == 1
    assert source(evaluation, "delhi")["verdicts"]["false alarms"]["value"] == 0
    assert source(evaluation, "ood-photo")["refusals"]["share"]["value"] == 1


def test_every_question_has_its_controls(evaluation: Evaluation) -> None:
    for split in evaluation["splits"]:
        for measured in split["sources"]:
            asked = {(task["task"], task["score"]) for task in measured["tasks"]}
            assert {(control["task"], control["score"]) for control in measured["controls"]} == asked


def test_what_was_read_in_the_lungs_is_gone_when_they_are_black(evaluation: Evaluation) -> None:
    controls = {control["control"]: control for control in source(evaluation, "siim")["controls"]}
    assert set(controls) == {"lungs blacked out", "only the border kept"}
    for control in controls.values():
        assert control["auc"]["value"] == 1
        assert control["control_auc"]["value"] == 0.5


def test_validation_films_choose_the_operating_point_but_are_not_reported(evaluation: Evaluation) -> None:
    assert [split["split"] for split in evaluation["splits"]] == ["test", "external"]
    assert evaluation["operating_point"] is not None
    assert evaluation["operating_point"]["films"] == 10


def test_the_document_is_json_and_says_which_model_and_films(evaluation: Evaluation) -> None:
    document = json.loads(json.dumps(evaluation, allow_nan=False))
    assert document == evaluation
    assert document["card"]["thresholds"] == {"lower": 0.3, "upper": 0.7}
    assert len(document["films_sha256"]) == 64


def test_an_evaluation_repeats_to_the_last_digit(
    evaluation: Evaluation, reader: FilmReader, collection: Path, untracked: Track
) -> None:
    assert evaluate(reader, collection, ("test", "external"), "lungwise evaluate", untracked)[1] == evaluation
