from __future__ import annotations

from collections.abc import Callable

import pytest

from lungwise.evaluation.results import EvaluatedFilm
from lungwise.evaluation.verdicts import confusion, operating_point, verdicts
from lungwise.films import Refusal

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


def test_the_operating_point_comes_from_negative_validation_films(result: Callable[..., EvaluatedFilm]) -> None:
    chosen = [result(p / 100, split="val") for p in range(1, 101)]
    point = operating_point([*chosen, result(0.999), result(0.999, split="val", **TYPICAL)])
    assert point is not None
    assert point["threshold"] == 0.9
    assert point["films"] == 100
    assert operating_point([result(0.9)]) is None
