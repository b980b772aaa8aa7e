from __future__ import annotations

import pytest

from lungwise.reading.artefact import Thresholds
from lungwise.studies.wording import predictive_value, uncertain_between


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
