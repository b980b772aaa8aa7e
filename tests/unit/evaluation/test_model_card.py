"""The model card says what the evaluation says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lungwise.evaluation.evaluate import evaluate
from lungwise.evaluation.model_card import render
from lungwise.evaluation.results import FilmReader, Track
from lungwise.evaluation.schema import Evaluation
from lungwise.evaluation.tables import area
from lungwise.reading.artefact import read_statement

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def evaluation(reader: FilmReader, collection: Path, untracked: Track) -> Evaluation:
    return evaluate(reader, collection, ("test", "external"), "lungwise evaluate --films films.csv", untracked)[1]


def test_the_committed_card_is_rendered_from_the_committed_evaluation() -> None:
    evaluation = json.loads((DOCS / "evaluation.json").read_text(encoding="utf-8"))
    assert (DOCS / "model-card.md").read_text(encoding="utf-8") == render(evaluation, read_statement())


def test_the_card_is_the_same_from_the_printed_document(evaluation: Evaluation) -> None:
    assert render(json.loads(json.dumps(evaluation)), read_statement()) == render(evaluation, read_statement())


def test_the_headline_has_its_interval_its_films_and_the_controls_beside_it(evaluation: Evaluation) -> None:
    siim = next(one for one in evaluation["splits"][0]["sources"] if one["source"] == "siim")
    auc = area(siim["tasks"][0]["auc"])
    headline = next(
        line for line in render(evaluation, read_statement()).splitlines() if line.startswith("**typical appearance")
    )
    assert f"AUC **{auc}**" in headline
    assert "10 and 10 films of 10 patients" in headline
    assert "lungs blacked out: 0.500" in headline


def test_the_card_says_what_it_is_for_and_what_not(evaluation: Evaluation) -> None:
    card = render(evaluation, read_statement())
    for said in ("A second look.", "medical device", "not a PCR result", "one in nine", "Few films.", "research only"):
        assert said in card


def test_the_card_says_when_how_and_on_what_it_was_measured(evaluation: Evaluation) -> None:
    card = render(evaluation, read_statement())
    for said in (evaluation["date"], "`lungwise evaluate --films films.csv`", evaluation["films_sha256"][:16]):
        assert said in card


def test_every_row_of_a_table_has_as_many_cells_as_its_heading(evaluation: Evaluation) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", render(evaluation, read_statement()), re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1


def test_epochs_become_a_table(evaluation: Evaluation) -> None:
    assert "| epoch | loss |\n| --- | --- |\n| 0 | 0.5123 |" in render(evaluation, read_statement())
