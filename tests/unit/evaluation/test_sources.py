from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lungwise.evaluation.metrics import MixedSourcesError
from lungwise.evaluation.protocol import QUESTIONS
from lungwise.evaluation.results import EvaluatedFilm
from lungwise.evaluation.sources import Controlled, localised, measure_source, refusals, task
from lungwise.evaluation.verdicts import operating_point
from lungwise.films import Refusal
from lungwise.films.collection import LabelledFilm
from lungwise.reading import Reading

REFUSED = Refusal("not-chest", {"sentence": "This is no chest film."})
TYPICAL = {"label": "typical appearance", "covid": True}


def test_refusals_are_counted_by_code(result: Callable[..., EvaluatedFilm]) -> None:
    rows = [result(REFUSED), result(REFUSED), result(Refusal("lateral", {"sentence": "A side view."})), result(0.5)]
    assert refusals(rows)["codes"] == {"lateral": 1, "not-chest": 2}
    assert refusals(rows)["share"]["value"] == 0.75


def test_a_positive_only_source_gives_sensitivity_alone(
    result: Callable[..., EvaluatedFilm], uncontrolled: Controlled
) -> None:
    point = operating_point([result(p / 100, split="val") for p in range(1, 101)])
    said = {"source": "hannover", "group": "positive-only", "label": "COVID-19", "covid": True}
    measured = measure_source("hannover", [result(0.95, **said), result(0.8, **said)], point, uncontrolled)
    assert measured["tasks"] == []
    assert measured["verdicts"]["sensitivity"]["value"] == 1
    assert measured["at_operating_point"]["sensitivity"]["value"] == 0.5
    assert "specificity" not in measured["verdicts"] | measured["at_operating_point"]


def test_a_negative_only_source_gives_false_alarms_by_label(
    result: Callable[..., EvaluatedFilm], uncontrolled: Controlled
) -> None:
    said = {"source": "delhi", "group": "negative-only"}
    rows = [result(0.1, label="normal", **said), result(0.9, label="tuberculosis", **said)]
    measured = measure_source("delhi", rows, None, uncontrolled)
    alarms = {row["label"]: row["called_positive"] for row in measured["confusion"]}
    assert [alarm and alarm["value"] for alarm in alarms.values()] == [0, 1]
    assert {t["score"] for t in measured["tasks"]} == {"tuberculosis", "normal"}
    assert measured["at_operating_point"] == {}


def test_a_task_refuses_films_of_several_sources(result: Callable[..., EvaluatedFilm]) -> None:
    rows = [result(0.9, source="elsewhere", **TYPICAL), result(0.1)]
    with pytest.raises(MixedSourcesError):
        task(rows, QUESTIONS[0])


def test_a_task_says_how_many_films_and_patients_it_stands_on(result: Callable[..., EvaluatedFilm]) -> None:
    rows = [result(0.9, patient="a", **TYPICAL), result(0.8, patient="a", **TYPICAL), result(0.1, patient="b")]
    measured = task(rows, QUESTIONS[0])
    assert (measured["positives"], measured["negatives"], measured["patients"]) == (2, 1, 2)
    assert measured["auc"]["value"] == 1


def test_patients_are_unknown_where_each_film_stands_for_one(
    result: Callable[..., EvaluatedFilm], uncontrolled: Controlled
) -> None:
    nameless = result(0.1, path=Path("/data/films/7.png"), patient="films/7.png")
    assert measure_source("nih", [nameless], None, uncontrolled)["patients"] is None
    assert measure_source("siim", [result(0.1), result(0.2)], None, uncontrolled)["patients"] == 1


def test_the_heat_map_is_measured_on_films_with_boxes_alone(
    film: Callable[..., LabelledFilm], reading: Callable[..., Reading], result: Callable[..., EvaluatedFilm]
) -> None:
    heat = np.zeros((17, 17), np.float32)
    heat[2, 2] = 1
    boxed = [film(boxes=((0.0, 0.0, 0.5, 0.5),), patient="a"), film(boxes=((0.5, 0.5, 0.5, 0.5),), patient="b")]
    measured = localised([*(EvaluatedFilm(film=one, outcome=reading(heat_map=heat)) for one in boxed), result(0.9)])
    assert measured is not None
    assert measured["films"] == 2
    assert measured["pointing_game"]["value"] == 0.5
    assert measured["energy_inside"]["value"] == 0.5
    assert measured["box_area"] == pytest.approx(0.25, abs=0.01)
    assert localised([result(0.9)]) is None
