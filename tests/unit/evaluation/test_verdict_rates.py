from __future__ import annotations

from pathlib import Path

from lungwise.evaluation.evaluate import evaluate
from lungwise.evaluation.results import FilmReader, Track
from lungwise.evaluation.verdict_rates import stated_rates


def test_the_rates_are_those_of_films_that_chose_nothing(
    reader: FilmReader, collection: Path, untracked: Track
) -> None:
    _, both = evaluate(reader, collection, ("val", "test"), "", untracked)
    test = next(split for split in both["splits"] if split["split"] == "test")
    shares = {one["source"]: one["verdicts_by_patient"] for one in test["sources"]}
    ill, well = shares["ricord"], shares["siim"]

    rates = stated_rates(both["splits"])

    assert rates is not None
    assert (rates.sensitivity, rates.missed, rates.ill) == (
        ill["sensitivity"]["value"],
        ill["missed"]["value"],
        ill["missed"]["of"],
    )
    assert (rates.specificity, rates.false_alarms, rates.well) == (
        well["specificity"]["value"],
        well["false alarms"]["value"],
        well["specificity"]["of"],
    )
    test["sources"] = [one for one in test["sources"] if one["source"] != "ricord"]
    assert stated_rates(both["splits"]) is None
    both["splits"] = [split for split in both["splits"] if split["split"] == "val"]
    assert stated_rates(both["splits"]) is None
