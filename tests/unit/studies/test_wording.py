from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis.strategies import floats

from lungwise.reading.artefact import Thresholds
from lungwise.reading.extent import Difference, Extent
from lungwise.studies.extent_changes import ExtentChange
from lungwise.studies.wording import (
    change_sentence,
    extent_sentence,
    predictive_value,
    probability_beside,
    uncertain_between,
)

SHIPPED = Thresholds(lower=0.2901493310928345, upper=0.7543846964836121)


@pytest.mark.parametrize(
    ("thresholds", "probability", "shown", "said"),
    [
        (Thresholds(lower=0.22, upper=0.76), 0.5, "50 %", "22-76 % counts as uncertain."),
        (SHIPPED, 0.1, "10 %", "29-75 % counts as uncertain."),
        (SHIPPED, 0.2875, "28.7 %", "29.0-75.4 % counts as uncertain."),
        (SHIPPED, 0.7549, "75.5 %", "29.0-75.4 % counts as uncertain."),
        (Thresholds(lower=0.412, upper=0.414), 0.9, "90.0 %", "41.2-41.4 % counts as uncertain."),
        (Thresholds(lower=0.992, upper=0.996), 0.9, "90.0 %", "99.2-99.6 % counts as uncertain."),
        (Thresholds(lower=0.004, upper=0.5), 0.002, "0.2 %", "0.4-50.0 % counts as uncertain."),
        (Thresholds(lower=0.41, upper=0.41), 0.4, "40 %", ""),
    ],
)
def test_a_probability_is_seen_on_its_side_of_those_that_are_uncertain(
    thresholds: Thresholds, probability: float, shown: str, said: str
) -> None:
    assert probability_beside(probability, thresholds) == shown
    assert uncertain_between(str, thresholds, probability) == said


@given(floats(0, 1), floats(0.003, 0.997), floats(0.003, 0.997))
def test_no_probability_contradicts_what_counts_as_uncertain(probability: float, one: float, other: float) -> None:
    lower, upper = sorted(round(limit, 4) for limit in (one, other))
    probability = round(probability, 5)
    thresholds = Thresholds(lower=lower, upper=upper)
    if not (said := uncertain_between(str, thresholds, probability)):
        assert lower == upper
        return
    first, last = map(float, said.split(" ")[0].split("-"))
    written = probability_beside(probability, thresholds)
    shown = float(written.strip("<> %")) + {"<": -0.01, ">": 0.01}.get(written[0], 0)
    assert 0 < first < last < 100
    assert (probability < lower) == (shown < first)
    assert (probability < upper) == (shown < last)


def test_of_a_model_whose_thresholds_are_not_known_the_probability_is_written_alone() -> None:
    assert probability_beside(0.2875, None) == "29 %"
    assert probability_beside(None, None) == ""


@pytest.mark.parametrize(
    ("verdict", "prevalence", "right", "said"),
    [
        ("positive", 0.1, 0.68, "If 1 in 10 patients has COVID-19, about 7 of 10 positives are correct."),
        ("positive", 0.3, 0.97, "If 3 in 10 patients have COVID-19, about 97 of 100 positives are correct."),
        ("negative", 0.02, 0.998, "If 1 in 50 patients has COVID-19, about 998 of 1000 negatives are correct."),
        ("positive", 0.96, 0.98, "If 48 in 50 patients have COVID-19, about 98 of 100 positives are correct."),
        ("positive", 0.0003, 0.0003, "If 3 in 10000 patients have COVID-19, about 3 of 10000 positives are correct."),
        ("negative", 0.1, 0.9997, "If 1 in 10 patients has COVID-19, about 9997 of 10000 negatives are correct."),
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
    ("before", "now", "direction", "numbers"),
    [
        (20.0, 50.0, "More opacity than", "20 % then, 50 % now, 30 points more, beyond repeatability (±19 points)."),
        (50.0, 20.0, "Less opacity than", "50 % then, 20 % now, 30 points less, beyond repeatability (±19 points)."),
        (20.6, 39.3, "More opacity", "20.6 % then, 39.3 % now, 18.7 points more, beyond repeatability (±18.6 points)."),
        (20.0, 30.0, "No change of opacity beyond repeatability (±19 points)", "20 % then, 30 % now."),
        (20.4, 38.95, "No change of opacity beyond repeatability (±18.60 points)", "20.40 % then, 38.95 % now."),
    ],
)
def test_a_change_is_said_with_its_repeatability(before: float, now: float, direction: str, numbers: str) -> None:
    difference = Difference(points=now - before, repeatability=18.6)
    change = ExtentChange(film="f", taken_on=date(2026, 3, 1), before=before, now=now, difference=difference)
    sentence = change_sentence(str, change)
    assert sentence.startswith(direction) and sentence.endswith(f"the film of 2026-03-01: {numbers}")
