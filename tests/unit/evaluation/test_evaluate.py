"""From constructed tables to the evaluation, number by number."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from lungwise.evaluation.evaluate import (
    by_age,
    by_view,
    confusion,
    evaluate,
    localised,
    measure_source,
    measure_split,
    operating_point,
    refusals,
    task,
    verdicts,
)
from lungwise.evaluation.metrics import MixedSourcesError
from lungwise.evaluation.protocol import QUESTIONS
from lungwise.evaluation.results import EvaluatedFilm, FilmReader, Track
from lungwise.evaluation.schema import Control, Evaluation, Source
from lungwise.films import Refusal
from lungwise.films.collection import LabelledFilm
from lungwise.reading import Reading

REFUSED = Refusal("not-chest", {"sentence": "This is no chest film."})
TYPICAL = {"label": "typical appearance", "covid": True}
UNDECIDED = {"label": "indeterminate appearance", "covid": None}


def test_uncertain_films_count_against_sensitivity_and_specificity(result: Callable[..., EvaluatedFilm]) -> None:
    ill = [result(p, **TYPICAL) for p in (0.9, 0.8, 0.5, 0.1)]
    well = [result(p) for p in (0.1, 0.1, 0.1, 0.5, 0.9)]
    values = {name: share["value"] for name, share in verdicts([*ill, *well]).items()}
    assert values == pytest.approx(
        {
            "sensitivity": 2 / 4,
            "missed": 1 / 4,
            "specificity": 3 / 5,
            "false alarms": 1 / 5,
            "uncertain": 2 / 9,
            "decided sensitivity": 2 / 3,
            "decided specificity": 3 / 4,
        },
        abs=1e-6,
    )


def test_films_without_a_label_and_refused_films_are_in_no_share(result: Callable[..., EvaluatedFilm]) -> None:
    rows = [result(0.9, **TYPICAL), result(0.9, **UNDECIDED), result(REFUSED, **TYPICAL)]
    assert verdicts(rows)["sensitivity"]["of"] == 1
    assert "specificity" not in verdicts(rows)


def uncontrolled(_results: Sequence[EvaluatedFilm]) -> list[Control]:
    """No controls: their films lie on no disk."""
    return []


def test_the_confusion_matrix_counts_every_film_once(result: Callable[..., EvaluatedFilm]) -> None:
    rows = [result(0.1), result(0.5), result(REFUSED), result(0.9, **TYPICAL), result(0.9, **UNDECIDED)]
    counted = {
        row["label"]: (row["negative"], row["uncertain"], row["positive"], row["refused"]) for row in confusion(rows)
    }
    assert counted == {
        "indeterminate appearance": (0, 0, 1, 0),
        "negative for pneumonia": (1, 1, 0, 1),
        "typical appearance": (0, 0, 1, 0),
    }
    assert confusion([result(REFUSED)])[0]["called_positive"] is None


def test_refusals_are_counted_by_code(result: Callable[..., EvaluatedFilm]) -> None:
    rows = [result(REFUSED), result(REFUSED), result(Refusal("lateral", {"sentence": "A side view."})), result(0.5)]
    assert refusals(rows)["codes"] == {"lateral": 1, "not-chest": 2}
    assert refusals(rows)["share"]["value"] == 0.75


def test_the_operating_point_comes_from_negative_validation_films(result: Callable[..., EvaluatedFilm]) -> None:
    chosen = [result(p / 100, split="val") for p in range(1, 101)]
    point = operating_point([*chosen, result(0.999), result(0.999, split="val", **TYPICAL)])
    assert point is not None
    assert point["threshold"] == 0.9
    assert point["films"] == 100
    assert operating_point([result(0.9)]) is None


def test_a_positive_only_source_gives_sensitivity_alone(result: Callable[..., EvaluatedFilm]) -> None:
    point = operating_point([result(p / 100, split="val") for p in range(1, 101)])
    said = {"source": "hannover", "group": "positive-only", "label": "COVID-19", "covid": True}
    measured = measure_source("hannover", [result(0.95, **said), result(0.8, **said)], point, uncontrolled)
    assert measured["tasks"] == []
    assert measured["verdicts"]["sensitivity"]["value"] == 1
    assert measured["at_operating_point"]["sensitivity"]["value"] == 0.5
    assert "specificity" not in measured["verdicts"] | measured["at_operating_point"]


def test_a_negative_only_source_gives_false_alarms_by_label(result: Callable[..., EvaluatedFilm]) -> None:
    said = {"source": "delhi", "group": "negative-only"}
    rows = [result(0.1, label="normal", **said), result(0.9, label="tuberculosis", **said)]
    measured = measure_source("delhi", rows, None, uncontrolled)
    alarms = {row["label"]: row["called_positive"] for row in measured["confusion"]}
    assert [alarm and alarm["value"] for alarm in alarms.values()] == [0, 1]
    assert {t["score"] for t in measured["tasks"]} == {"tuberculosis", "normal"}
    assert measured["at_operating_point"] == {}


def test_the_pooled_mixed_source_gets_no_auc(result: Callable[..., EvaluatedFilm]) -> None:
    rows = [
        result(0.9, source="cohen-a.org", group="mixed", label="COVID-19", covid=True),
        result(0.1, source="cohen-b.org", group="mixed", label="other"),
    ]
    measured = measure_split("test", rows, None, uncontrolled)
    assert [source["source"] for source in measured["sources"]] == ["cohen"]
    assert measured["sources"][0]["tasks"] == []
    assert measured["sources"][0]["verdicts"]["sensitivity"]["value"] == 1


def test_a_task_refuses_films_of_several_sources(result: Callable[..., EvaluatedFilm]) -> None:
    rows = [result(0.9, source="elsewhere", **TYPICAL), result(0.1)]
    with pytest.raises(MixedSourcesError):
        task(rows, QUESTIONS[0])


def test_a_task_says_how_many_films_and_patients_it_stands_on(result: Callable[..., EvaluatedFilm]) -> None:
    rows = [result(0.9, patient="a", **TYPICAL), result(0.8, patient="a", **TYPICAL), result(0.1, patient="b")]
    measured = task(rows, QUESTIONS[0])
    assert (measured["positives"], measured["negatives"], measured["patients"]) == (2, 1, 2)
    assert measured["auc"]["value"] == 1


def test_patients_are_unknown_where_each_film_stands_for_one(result: Callable[..., EvaluatedFilm]) -> None:
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


def test_views_are_told_apart_within_a_source(result: Callable[..., EvaluatedFilm]) -> None:
    said = {"source": "cohen-radiopaedia.org", "covid": True, "label": "COVID-19"}
    other = said | {"covid": False, "label": "other"}
    rows = [
        result(0.9, view="PA", **said),
        result(0.1, view="PA", **other),
        result(0.1, view="AP SUPINE", **said),
        result(0.9, view="", **said),
    ]
    found = by_view({"cohen-radiopaedia.org": rows})
    assert [(group["subgroup"], group["films"]) for group in found] == [("view PA", 2), ("view AP", 1)]
    assert found[0]["auc"] is not None
    assert found[1]["auc"] is None


def test_children_are_told_apart_by_false_alarms_alone(result: Callable[..., EvaluatedFilm]) -> None:
    said = {"group": "negative-only", "label": "normal"}
    rows = [
        result(0.9, source="kermany-children", adult=False, **said),
        result(0.1, source="nih", **said),
        result(0.9, source="hannover", group="positive-only", label="COVID-19", covid=True),
    ]
    found = {group["subgroup"]: group for group in by_age(rows)}
    assert found["normal, children"]["verdicts"]["false alarms"]["value"] == 1
    assert found["normal, adults"]["verdicts"]["false alarms"]["value"] == 0
    assert all(group["auc"] is None for group in found.values())
    assert len(found) == 2


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
