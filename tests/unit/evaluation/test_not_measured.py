from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from lungwise.evaluation.evaluate import evaluate
from lungwise.evaluation.not_measured import counted, not_measured
from lungwise.evaluation.results import FilmReader, Track
from lungwise.evaluation.schema import Evaluation
from lungwise.evaluation.tables import beyond
from lungwise.films.collection import read_collection

LEARNT = "a picture of the patient is in train"
DOUBTFUL = "the same picture is labelled otherwise"

Twin = Callable[..., Path]


@pytest.fixture
def with_twin(collection: Path) -> Twin:
    """Adds films to the collection that are the same picture as others, as another source tells of them."""

    def add(*twins: tuple[str, str], **said: str) -> Path:
        with collection.open(newline="") as table:
            rows = list(csv.DictReader(table))
        for name, split in twins:
            row = next(row for row in rows if row["film"] == name)
            copy = f"{split}-{name}"
            (collection.parent / copy).write_bytes((collection.parent / name).read_bytes())
            rows.append(row | {"film": copy, "split": split, "source": "radiography-covid", "patient": ""} | said)
        with collection.open("w", newline="") as table:
            writer = csv.DictWriter(table, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return collection

    return add


def test_a_collection_that_holds_nothing_twice_is_measured_whole(collection: Path, untracked: Track) -> None:
    assert not_measured(read_collection(collection), untracked) == {}


def test_all_films_of_a_patient_of_whom_a_picture_is_learnt_are_left_out(with_twin: Twin, untracked: Track) -> None:
    table = with_twin(("4.png", "train"), ("31.png", "train"), ("21.png", "train"))

    why = not_measured(read_collection(table), untracked)

    assert {film.path.name: reason for film, reason in why.items()} == dict.fromkeys(
        ("4.png", "5.png", "31.png"), LEARNT
    )
    assert counted(why, ("test", "external")) == [
        {"split": "external", "source": "hannover", "why": LEARNT, "films": 1, "patients": 1},
        {"split": "test", "source": "siim", "why": LEARNT, "films": 2, "patients": 1},
    ]
    assert counted(why, ("val",)) == []


def test_twins_that_are_labelled_otherwise_are_both_left_out(with_twin: Twin, untracked: Track) -> None:
    table = with_twin(("40.png", "test"), label="pneumonia")

    why = not_measured(read_collection(table), untracked)

    assert {film.path.name: reason for film, reason in why.items()} == dict.fromkeys(
        ("40.png", "test-40.png"), DOUBTFUL
    )


def test_who_is_left_out_is_in_no_figure_and_the_document_and_its_tables_say_so(
    reader: FilmReader, with_twin: Twin, untracked: Track
) -> None:
    results, document = evaluate(reader, with_twin(("4.png", "train")), ("test", "external"), "", untracked)

    assert not {"4.png", "5.png"} & {result.film.path.name for result in results}
    assert films_of(document, "siim") == 18
    assert document["not_measured"] == [
        {"split": "test", "source": "siim", "why": LEARNT, "films": 2, "patients": 1},
    ]
    table = next(table for table in beyond(document) if table.title == "Left out")
    assert table.rows == [("test", "siim", LEARNT, "2", "1")]


def films_of(document: Evaluation, source: str) -> int:
    return next(one["films"] for split in document["splits"] for one in split["sources"] if one["source"] == source)
