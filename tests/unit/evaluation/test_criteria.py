from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lungwise.evaluation.criteria import chooses_thresholds, criteria_of
from lungwise.evaluation.protocol import BORDER_ALONE
from lungwise.evaluation.results import EvaluatedFilm
from lungwise.evaluation.schema import CriterionRow, Estimate, Split
from lungwise.films import Refusal
from lungwise.films.collection import LabelledFilm
from lungwise.reading import Reading
from lungwise.reading.extent import Extent

Result = Callable[..., EvaluatedFilm]


@pytest.fixture
def told(film: Callable[..., LabelledFilm], reading: Callable[..., Reading]) -> Result:
    """A film with the probabilities of normal and tuberculosis that are given."""

    def make(normal: float, tuberculosis: float = 0.0, **said: object) -> EvaluatedFilm:
        findings = {"normal": normal, "tuberculosis": tuberculosis}
        return EvaluatedFilm(film=film(**said), outcome=reading(1 - normal, **findings))

    return make


def row(results: list[EvaluatedFilm], measure: str) -> CriterionRow:
    return next(row for row in criteria_of(results) if row["measure"] == measure)


def test_not_normal_is_called_above_what_nine_in_ten_negatives_of_val_have(told: Result) -> None:
    negatives = [told(1 - n / 100, split="val", patient=str(n)) for n in range(1, 101)]  # 0.9 have at most 0.90
    hannover = [
        told(normal, source="hannover", split="external", label="COVID-19", patient=patient, view=view)
        for normal, patient, view in ((0.05, "a", "AP"), (0.09, "a", "AP"), (0.11, "b", "PA"), (0.5, "b", "PA"))
    ]

    rows = {r["measure"]: r for r in criteria_of([*negatives, *hannover])}

    assert rows["not normal: hannover"]["estimate"]["value"] == 0.5
    assert rows["not normal: hannover, AP"]["estimate"]["value"] == 1.0
    assert rows["not normal: hannover, PA"]["estimate"]["value"] == 0.0
    assert rows["not normal: hannover, by patient"]["estimate"]["of"] == 2
    assert [rows[f"not normal: hannover{view}"]["reached"] for view in ("", ", AP", ", PA")] == [False, True, False]


def test_tuberculosis_is_called_above_what_nineteen_in_twenty_adults_without_it_have(told: Result) -> None:
    without = [told(0.5, n / 100, split="val", source="nih", label="normal", patient=str(n)) for n in range(1, 101)]
    children = [told(0.5, 0.99, split="val", source="kermany-children", label="normal", adult=False)] * 50
    ill = [told(0.5, p, source="tbx11k", label="tuberculosis") for p in (0.94, 0.96, 0.97, 0.98)]

    called = row([*without, *children, *ill], "tuberculosis called at 95 % specificity on val, tbx11k")

    assert called["estimate"]["value"] == 0.75
    assert not called["reached"]


def test_a_bar_above_holds_too(told: Result) -> None:
    healthy = [told(0.9, 0.1, split="val", source="nih", label="normal"), told(0.9, split="val")]
    delhi = [told(0.2, 0.9, source="delhi", split="external", label="normal", patient=str(n)) for n in range(4)]

    rows = {r["measure"]: r for r in criteria_of([*healthy, *delhi])}

    assert rows["not normal: delhi, normal"]["estimate"]["value"] == 1.0
    assert not rows["not normal: delhi, normal"]["reached"]


def test_an_auc_compares_films_of_one_source_and_needs_both_kinds(told: Result, result: Result) -> None:
    normal = told(0.8, source="chexpert", label="normal")
    ill = [told(n / 10, source="chexpert", label=label) for n, label in ((2, "opacity"), (9, "other finding"))]
    refused = result(Refusal("blank"), source="chexpert", label="normal")

    area = row([normal, *ill, refused], "normal against not normal, chexpert, AUC")

    assert area["estimate"]["value"] == 0.5
    assert not [r for r in criteria_of([normal, refused]) if "chexpert" in r["measure"]]


def test_extent_is_ranked_as_a_radiologist_ranks_it(
    film: Callable[..., LabelledFilm], reading: Callable[..., Reading]
) -> None:
    """Of films that no model has seen; the heat map stands in where a reading says no extent."""
    maps = [np.full((17, 17), heat, np.float32) for heat in (0.1, 0.2, 0.4, 0.8)]
    films = [film(path=Path(f"{n}.png"), patient=str(n), split="external") for n in range(4)]
    read = [EvaluatedFilm(film=f, outcome=reading(heat_map=m)) for f, m in zip(films, maps, strict=True)]
    trained = EvaluatedFilm(film=film(path=Path("t.png"), split="train"), outcome=reading(heat_map=maps[0]))
    scores = {Path("0.png"): 1.0, Path("1.png"): 9.0, Path("2.png"): 4.0, Path("3.png"): 18.0, Path("t.png"): 18.0}

    measure = "extent against Brixia (senior), test and external, Spearman"

    def ranked(results: list[EvaluatedFilm], scores: dict[Path, float]) -> list[CriterionRow]:
        return [row for row in criteria_of(results, scores) if row["measure"] == measure]

    (found,) = ranked([*read, trained], scores)

    assert found["estimate"]["of"] == 4
    assert found["estimate"]["value"] == pytest.approx(0.8)
    said = [replace(one, outcome=replace(one.outcome, extent=extent(n))) for n, one in enumerate(read)]  # type: ignore[type-var]
    assert ranked(said, scores)[0]["estimate"]["value"] == pytest.approx(0.8)
    assert ranked(read[:1], scores) == ranked(read, {}) == []


def extent(brixia: float) -> Extent:
    return Extent(percent=brixia * 5, brixia=brixia, repeatability=1.0)


def test_a_question_that_the_border_answers_too_is_not_claimed(told: Result) -> None:
    """Where only a part of the border's interval lies above 0.60, chance may have made it."""
    films = [
        told(normal, source="chexpert", label=label, patient=str(n))
        for n, (normal, label) in enumerate(((0.9, "normal"), (0.8, "normal"), (0.1, "opacity"), (0.2, "pneumonia")))
    ]
    name = "normal against not normal, chexpert, AUC"

    rows = [
        next(r for r in criteria_of(films, splits=[bordered(lower)]) if r["measure"] == name) for lower in (0.61, 0.59)
    ]

    assert [r["estimate"]["value"] for r in rows] == [1.0, 1.0]
    assert [(r["is_claimed"], r["reached"]) for r in rows] == [(False, False), (True, True)]
    assert rows[0]["border"] == estimate(0.7, lower=0.61)


def bordered(lower: float) -> Split:
    """A split in which the borders of one source's films tell normal from not normal."""
    control = {
        "control": BORDER_ALONE,
        "task": "normal against not normal",
        "score": "normal",
        "control_auc": estimate(0.7, lower=lower),
    }
    return {"split": "test", "sources": [{"source": "chexpert", "controls": [control]}], "subgroups": []}  # type: ignore[typeddict-item]


def estimate(value: float, lower: float) -> Estimate:
    return {"value": value, "lower": lower, "upper": value, "of": 100}


def test_what_photographs_cost_is_a_row(told: Result) -> None:
    split: Split = {"split": "test", "sources": [], "subgroups": [], "photographs": {"lost": estimate(0.03, 0.01)}}  # type: ignore[typeddict-item]

    found = next(r for r in criteria_of([told(0.5)], splits=[split]) if r["measure"] == "AUC lost by photographs")

    assert not found["reached"]


def test_refusals_are_counted_by_what_the_pictures_are(told: Result, result: Result) -> None:
    other = [result(Refusal("not-chest"), source="ood-ct", group="ood", label="ct")] * 3
    lateral = [
        result(outcome, source="ood-lateral", group="ood", label="lateral") for outcome in (Refusal("lateral"), 0.5)
    ]
    good = [told(0.5, source="delhi", split="external"), result(Refusal("blank"), split="val")]

    rows = {r["measure"]: r["estimate"] for r in criteria_of([*other, *lateral, *good])}

    assert (rows["other pictures refused"]["value"], rows["other pictures refused"]["of"]) == (1.0, 3)
    assert (rows["lateral films refused"]["value"], rows["lateral films refused"]["of"]) == (0.5, 2)
    assert (rows["good films refused"]["value"], rows["good films refused"]["of"]) == (0.0, 1)


def test_heat_is_held_against_the_boxes_of_one_source(
    film: Callable[..., LabelledFilm], reading: Callable[..., Reading]
) -> None:
    heat = np.zeros((17, 17), np.float32)
    heat[2, 2] = 1.0
    boxes = [((0.0, 0.0, 0.3, 0.3),), ((0.5, 0.5, 0.3, 0.3),), ()]
    seen = [
        EvaluatedFilm(film=film(boxes=box, patient=str(n)), outcome=reading(heat_map=heat))
        for n, box in enumerate(boxes)
    ]
    elsewhere = EvaluatedFilm(film=film(source="tbx11k", boxes=boxes[0]), outcome=reading(heat_map=heat))

    rows = {r["measure"]: r["estimate"] for r in criteria_of([*seen, elsewhere])}

    assert rows["the heat map's highest place is in a box, SIIM"]["value"] == 0.5
    assert rows["share of the heat in the boxes, SIIM"]["value"] == 0.5
    assert rows["share of the heat in the boxes, SIIM"]["of"] == 2


def test_normal_is_calibrated_where_the_model_has_not_been(told: Result) -> None:
    films = [told(0.9, source="delhi", split="external", label="normal", patient=str(n)) for n in range(5)]
    films += [told(0.9, source="delhi", split="external", label="tuberculosis", patient=str(n)) for n in range(5, 10)]

    error = row(films, "calibration error of normal, delhi")

    assert error["estimate"]["value"] == pytest.approx(0.4)
    assert not error["reached"]


def test_thresholds_are_chosen_on_val_alone(film: Callable[..., LabelledFilm]) -> None:
    assert chooses_thresholds(film(split="val"))
    assert chooses_thresholds(film(split="val", source="chexpert", label="opacity"))
    assert not chooses_thresholds(film(split="test"))
    assert not chooses_thresholds(film(split="val", source="tbx11k", label="tuberculosis"))
