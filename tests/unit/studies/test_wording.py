from __future__ import annotations

from datetime import date

import pytest

from lungwise.reading.artefact import Thresholds
from lungwise.reading.extent import Difference, Extent
from lungwise.studies.extent_changes import ExtentChange
from lungwise.studies.wording import change_sentence, extent_sentence, predictive_value, uncertain_between


def test_the_probabilities_between_are_said_once() -> None:
    assert uncertain_between(str, Thresholds(lower=0.22, upper=0.76)) == "22-76 % counts as uncertain."


@pytest.mark.parametrize(
    ("verdict", "prevalence", "right", "said"),
    [
        ("positive", 0.1, 0.68, "If 1 in 10 patients has COVID-19, about 7 of 10 positives are correct."),
        ("positive", 0.3, 0.97, "If 3 in 10 patients have COVID-19, about 97 of 100 positives are correct."),
        ("negative", 0.02, 0.998, "If 1 in 50 patients has COVID-19, about 998 of 1000 negatives are correct."),
        ("uncertain", 0.1, None, ""),
        ("positive", 0.1, None, ""),
    ],
)
def test_a_verdict_is_worth_so_many_of_so_many(verdict: str, prevalence: float, right: float | None, said: str) -> None:
    assert predictive_value(str, verdict, prevalence, right) == said


def test_the_extent_of_opacity_is_said_on_both_scales() -> None:
    extent = Extent(percent=23.4, brixia=5.2, repeatability=18.6)
    assert extent_sentence(str, extent) == "Opacities cover 23 % of the lung fields (Brixia score 5 of 18)."
    assert "cover < 1 %" in extent_sentence(str, Extent(percent=0.3, brixia=0.1, repeatability=18.6))


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (20.0, 50.0, "More opacity than on the film of 2026-03-01: 20 % then, 50 % now, beyond repeatability"),
        (50.0, 20.0, "Less opacity than on the film of 2026-03-01: 50 % then, 20 % now, beyond repeatability"),
        (20.0, 30.0, "No change of opacity beyond repeatability (±19 points) since the film of 2026-03-01"),
    ],
)
def test_a_change_is_said_with_its_repeatability(before: float, now: float, said: str) -> None:
    difference = Difference(points=now - before, repeatability=18.6)
    change = ExtentChange(film="f", taken_on=date(2026, 3, 1), before=before, now=now, difference=difference)
    sentence = change_sentence(str, change)
    assert sentence.startswith(said) and "(±19 points)" in sentence
