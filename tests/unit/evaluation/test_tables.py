"""Tables of text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lungwise.evaluation.evaluate import evaluate
from lungwise.evaluation.results import FilmReader, Track
from lungwise.evaluation.schema import Estimate, Evaluation, Split
from lungwise.evaluation.tables import area, percent, tables
from lungwise.reading.artefact import shipped_card
from lungwise.reading.prevalence import card_rates, predictive_values
from lungwise.settings import DEFAULT_PREVALENCE

EVALUATION = Path(__file__).parents[3] / "docs" / "evaluation.json"

ESTIMATE: Estimate = {"value": 0.9312, "lower": 0.9, "upper": 0.954, "of": 100}


@pytest.fixture
def splits(reader: FilmReader, collection: Path, untracked: Track) -> list[Split]:
    return evaluate(reader, collection, ("test", "external"), "", untracked)[1]["splits"]


def test_numbers_are_written_with_their_interval() -> None:
    assert area(ESTIMATE) == "0.931 (0.900-0.954)"
    assert percent(ESTIMATE) == "93 (90-95)"
    assert (area(None), percent(None)) == ("-", "-")


def test_each_row_has_a_cell_per_column(splits: list[Split]) -> None:
    for split in splits:
        for table in tables(split):
            assert {len(row) for row in table.rows} == {len(table.columns)}


def test_the_controls_stand_beside_the_auc(splits: list[Split]) -> None:
    told = next(tables(splits[0]))
    assert told.columns[-3:] == ("AUC", "lungs blacked out", "only the border kept")
    assert told.rows[0][-2].startswith("0.500")


def test_tables_without_rows_are_left_out(splits: list[Split]) -> None:
    assert "Where it looked" not in {table.title for table in tables(splits[1])}


def test_sources_of_one_kind_show_a_dash_for_what_they_cannot_give(splits: list[Split]) -> None:
    verdicts = next(table for table in tables(splits[1]) if table.title.startswith("Verdicts"))
    rows = {row[0]: dict(zip(verdicts.columns, row, strict=True)) for row in verdicts.rows}
    assert rows["hannover"]["specificity"] == "-"
    assert rows["delhi"]["sensitivity"] == "-"
    assert set(rows) == {"hannover", "delhi"}


def test_the_predictive_values_are_those_of_the_pages_too() -> None:
    evaluation: Evaluation = json.loads(EVALUATION.read_text(encoding="utf-8"))
    test = next(split for split in evaluation["splits"] if split["split"] == "test")
    table = next(table for table in tables(test) if table.title == "Predictive values")
    rates = card_rates(shipped_card())
    assert rates is not None

    pages = predictive_values(rates, DEFAULT_PREVALENCE)

    percents = [f"{value:.0%}" for value in pages if value is not None]
    assert ("ricord and siim, by patient", f"{DEFAULT_PREVALENCE:.0%}", *percents) in table.rows
    assert "pages" in table.note
