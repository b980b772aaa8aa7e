"""Tables of text."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungwise.evaluation.evaluate import evaluate
from lungwise.evaluation.results import FilmReader, Track
from lungwise.evaluation.schema import Estimate, Split
from lungwise.evaluation.tables import area, percent, tables

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
