"""From films to the table, and from the table to what an AUC may take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lungwise.evaluation.metrics import MixedSourcesError
from lungwise.evaluation.protocol import CONTROLLED, Question
from lungwise.evaluation.results import EvaluatedFilm, FilmReader, Track, contrast, has_both_sides, read_films
from lungwise.films import Refusal
from lungwise.films.collection import read_collection

ACROSS = Question("hannover", "what must not be asked", ("COVID-19",), ("normal",), "probability")


def test_each_film_stands_beside_its_answer(reader: FilmReader, untracked: Track, collection: Path) -> None:
    films = read_collection(collection)
    results = read_films(reader, films, untracked)
    assert [result.film for result in results] == films
    assert [film.source for film, result in zip(films, results, strict=True) if result.reading is None] == ["ood-photo"]


def test_a_missing_film_stops_the_evaluation(reader: FilmReader, untracked: Track, collection: Path) -> None:
    films = read_collection(collection)
    films[3].path.unlink()
    with pytest.raises(ValueError, match=r"1 films of the table are not there.*3\.png"):
        read_films(reader, films, untracked)


def test_films_of_other_labels_and_refused_ones_are_on_no_side(result: Callable[..., EvaluatedFilm]) -> None:
    rows = [
        result(0.9, label="typical appearance", patient="a"),
        result(0.2, patient="b"),
        result(0.4, label="atypical appearance", patient="c"),
        result(Refusal("not-chest", {"sentence": "This is no chest film."}), patient="d"),
    ]
    sides = contrast(rows, CONTROLLED)
    assert sides.positive.tolist() == [True, False]
    assert sides.score.tolist() == [0.9, 0.2]
    assert sides.patient.tolist() == ["a", "b"]


def test_positives_of_one_source_are_never_set_against_negatives_of_another(
    result: Callable[..., EvaluatedFilm],
) -> None:
    rows = [
        result(0.9, source="hannover", group="positive-only", label="COVID-19", covid=True),
        result(0.1, source="delhi", group="negative-only", label="normal"),
    ]
    with pytest.raises(MixedSourcesError, match="delhi, hannover"):
        contrast(rows, ACROSS)


def test_two_sources_with_both_classes_are_not_pooled_either(result: Callable[..., EvaluatedFilm]) -> None:
    rows = [
        result(p, source=source, label=label)
        for source in ("siim", "another hospital")
        for p, label in ((0.9, "typical appearance"), (0.1, "negative for pneumonia"))
    ]
    with pytest.raises(MixedSourcesError):
        contrast(rows, CONTROLLED)


def test_one_side_alone_is_not_both(result: Callable[..., EvaluatedFilm]) -> None:
    assert not has_both_sides([result(0.2)], CONTROLLED)
    assert has_both_sides([result(0.2), result(0.9, label="typical appearance")], CONTROLLED)
