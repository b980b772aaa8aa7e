from __future__ import annotations

from collections.abc import Callable

from lungwise.evaluation.results import EvaluatedFilm
from lungwise.evaluation.subgroups import by_age, by_view


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
