from __future__ import annotations

import math
from dataclasses import asdict, replace

import pytest

from lungwise.reading import load_artefact
from lungwise.reading.prevalence import (
    PredictiveValue,
    PredictiveValues,
    VerdictRates,
    card_rates,
    predictive_values,
    share_ill,
)

RATES = VerdictRates(sensitivity=0.8, missed=0.1, specificity=0.6, false_alarms=0.05)


def test_predictive_values_are_those_of_counted_people() -> None:
    # of 1000 people 100 are ill: 80 called, 10 cleared; of the 900 others 45 called, 540 cleared
    values = predictive_values(RATES, 0.1)

    assert values.positive == pytest.approx(80 / (80 + 45))
    assert values.negative == pytest.approx(540 / (540 + 10))


def test_the_rarer_the_disease_the_less_a_positive_verdict_and_the_more_a_negative_one_is_worth() -> None:
    rare, common = predictive_values(RATES, 0.01), predictive_values(RATES, 0.5)

    assert rare.positive is not None and common.positive is not None and rare.positive < common.positive
    assert rare.negative is not None and common.negative is not None and rare.negative > common.negative


def test_where_nobody_or_everybody_is_ill_the_values_are_certain() -> None:
    assert predictive_values(RATES, 0) == PredictiveValues(positive=0, negative=1)
    assert predictive_values(RATES, 1) == PredictiveValues(positive=1, negative=0)


def test_a_verdict_that_is_never_given_has_no_value() -> None:
    never_positive = VerdictRates(sensitivity=0, missed=0.5, specificity=0.5, false_alarms=0)

    assert predictive_values(never_positive, 0.1).positive is None


@pytest.mark.parametrize(
    ("verdict", "right"),
    [("positive", 80 / (80 + 45)), ("negative", 10 / (10 + 540)), ("uncertain", 10 / (10 + 315))],
)
def test_how_many_of_those_with_a_verdict_are_ill_is_counted_for_every_verdict(verdict: str, right: float) -> None:
    share = share_ill(RATES, verdict, 0.1)
    assert share is not None and share.value == pytest.approx(right)
    assert share.interval is None


def test_the_interval_narrows_with_the_films_it_was_measured_on_and_holds_the_value() -> None:
    few, many = (share_ill(replace(RATES, ill=count, well=count), "positive", 0.1) for count in (100, 10_000))
    assert few is not None and many is not None and few.interval is not None and many.interval is not None
    assert few.interval[0] < many.interval[0] < few.value < many.interval[1] < few.interval[1]
    # the likelihood ratio is 0.8 / 0.05, its logarithm's standard error sqrt(0.2 / 80 + 0.95 / 5)
    factor = math.exp(1.96 * math.sqrt(0.2 / 80 + 0.95 / 5))
    assert few.interval == pytest.approx([16 * f / (16 * f + 9) for f in (1 / factor, factor)], abs=1e-3)


def test_a_verdict_that_one_group_never_got_still_has_an_interval() -> None:
    share = share_ill(
        VerdictRates(sensitivity=0.5, missed=0.1, specificity=0.6, false_alarms=0, ill=50, well=50), "positive", 0.1
    )
    assert share is not None and share.interval is not None
    assert share.value == 1 and 0 < share.interval[0] < 1 == share.interval[1]
    assert share_ill(VerdictRates(sensitivity=0, missed=1, specificity=1, false_alarms=0), "positive", 0.1) is None


@pytest.mark.parametrize("prevalence", [-0.1, 1.1, float("nan")])
def test_a_prevalence_that_is_no_share_is_refused(prevalence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        predictive_values(RATES, prevalence)


def test_rates_come_out_of_a_card() -> None:
    card = load_artefact().card
    assert card_rates(replace(card, metrics={"verdicts": asdict(RATES)})) == RATES
    assert card_rates(replace(card, metrics={})) is None


def test_a_verdict_is_worth_what_its_own_models_card_says() -> None:
    card = replace(load_artefact().card, metrics={"verdicts": asdict(RATES)})
    worth = PredictiveValue(card, 0.1)
    values = predictive_values(RATES, 0.1)
    assert worth.of("positive", card.name, card.version) == values.positive
    assert worth.of("negative", card.name, card.version) == values.negative
    assert worth.of("uncertain", card.name, card.version) is None
    assert worth.of("positive", card.name, "another") is None
    assert PredictiveValue(replace(card, metrics={}), 0.1).of("positive", card.name, card.version) is None
