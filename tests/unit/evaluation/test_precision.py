from __future__ import annotations

from collections.abc import Callable

import pytest

from lungwise.evaluation.precision import beside_float
from lungwise.evaluation.results import EvaluatedFilm
from lungwise.films import Refusal

TYPICAL = "typical appearance"


def test_flips_changes_and_what_int8_costs_are_counted(result: Callable[..., EvaluatedFilm]) -> None:
    ill = {"label": TYPICAL, "covid": True}
    exact = [result(p, patient=str(n), **(ill if n < 2 else {})) for n, p in enumerate((0.9, 0.8, 0.1, 0.2))]
    int8 = [result(p, patient=str(n), **(ill if n < 2 else {})) for n, p in enumerate((0.9, 0.15, 0.1, 0.2))]

    found = beside_float(int8, exact)

    assert found is not None
    assert found["flipped"]["value"] == 0.25
    assert found["largest_change"] == pytest.approx(0.65)
    assert found["auc"] and found["float_auc"] and found["lost"]
    assert (found["auc"]["value"], found["float_auc"]["value"], found["lost"]["value"]) == (0.75, 1.0, 0.25)
    assert found["sensitivity"] and found["sensitivity"]["value"] == 0.5


def test_a_refusal_on_one_side_is_a_flip(result: Callable[..., EvaluatedFilm]) -> None:
    found = beside_float([result(Refusal("turned", {"sentence": "Turn it."}))], [result(0.1)])

    assert found is not None and found["flipped"]["value"] == 1 and found["auc"] is None
    assert beside_float([], []) is None
