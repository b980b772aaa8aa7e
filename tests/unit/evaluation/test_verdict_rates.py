from __future__ import annotations

from pathlib import Path

from lungwise.evaluation.evaluate import evaluate
from lungwise.evaluation.results import FilmReader, Track
from lungwise.evaluation.verdict_rates import rates_of, stated_rates


def test_the_rates_are_those_of_films_that_chose_nothing(
    reader: FilmReader, collection: Path, untracked: Track
) -> None:
    _, both = evaluate(reader, collection, ("val", "test"), "", untracked)
    siim = next(one for split in both["splits"] if split["split"] == "test" for one in split["sources"])
    shares = siim["verdicts"]

    rates = stated_rates(both)

    assert siim["source"] == "siim" and rates == rates_of(shares)
    assert rates.sensitivity == shares["sensitivity"]["value"]
    assert (rates.ill, rates.well) == (shares["missed"]["of"], shares["false alarms"]["of"])
    both["splits"] = [split for split in both["splits"] if split["split"] == "val"]
    assert stated_rates(both) is None
