from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungwise.monitoring.proposal import (
    MISSED,
    Hindrance,
    Proposal,
    Recalibration,
    lower_threshold,
    propose_from,
    upper_threshold,
)
from lungwise.monitoring.verified import VerifiedFilms
from lungwise.reading.artefact import Thresholds
from lungwise.reading.own_thresholds import FindingThresholds

SHIPPED = Thresholds(lower=0.3, upper=0.8)


def known(positives: int, negatives: int, *, whole: bool = True, heaviest: float = 1.0, seed: int = 1) -> VerifiedFilms:
    """Films with scores apart from each other, those with the disease higher."""
    random = np.random.default_rng(seed)
    score = np.concatenate([random.beta(4, 2, positives), random.beta(2, 5, negatives)])
    return VerifiedFilms(
        score=score,
        positive=np.arange(positives + negatives) < positives,
        day=np.zeros(positives + negatives, dtype=np.int64),
        weight=np.ones(positives + negatives),
        whole=whole,
        heaviest=heaviest,
    )


@pytest.mark.parametrize(("positives", "missed"), [(29, 0), (45, 0), (46, 1), (61, 2), (76, 3), (89, 4), (103, 5)])
def test_the_lower_threshold_is_the_score_of_the_kth_lowest(positives: int, missed: int) -> None:
    films = known(positives, 30)
    assert lower_threshold(films) == sorted(films.positives.score)[missed]


def test_twenty_eight_prove_nothing() -> None:
    assert lower_threshold(known(28, 30)) is None


@pytest.mark.parametrize(("positives", "negatives"), [(28, 500), (500, 29), (0, 0)])
def test_nothing_is_proposed_below_the_numbers(positives: int, negatives: int) -> None:
    assert propose_from(known(positives, negatives), SHIPPED) is Hindrance.TOO_FEW


def test_from_29_and_30_on_the_lower_threshold_goes_down_and_never_up() -> None:
    films = known(40, 43)
    found = propose_from(films, SHIPPED)
    assert isinstance(found, Proposal)
    assert found.thresholds.lower == pytest.approx(min(SHIPPED.lower, *films.positives.score), abs=1e-4)
    assert found.thresholds.upper == pytest.approx(SHIPPED.upper, abs=1e-4)
    assert found.recalibration == Recalibration()
    low = propose_from(films, Thresholds(lower=0.01, upper=0.8))
    assert isinstance(low, Proposal) and low.thresholds.lower == pytest.approx(0.01, abs=1e-4)


def test_from_61_and_44_on_both_thresholds_move() -> None:
    films = known(61, 44)
    found = propose_from(films, SHIPPED)
    assert isinstance(found, Proposal)
    above = films.negatives.score >= found.thresholds.upper
    assert found.thresholds.upper == pytest.approx(upper_threshold(films), abs=1e-4)
    assert not above.any()


def test_those_who_stand_for_many_prove_less() -> None:
    """Nobody was missed among 60, but each who was overlooked would stand for ten."""
    assert lower_threshold(known(60, 30, heaviest=10.0)) is None


def test_where_only_those_tested_anyway_count_too_few_of_them_say_that_nobody_was_tested() -> None:
    assert propose_from(known(20, 20, whole=False), SHIPPED) is Hindrance.NONE_TESTED
    assert isinstance(propose_from(known(40, 43, whole=False), SHIPPED), Proposal)


def test_where_each_stands_for_too_many_it_is_said_that_more_must_be_drawn() -> None:
    assert propose_from(known(60, 50, heaviest=10.0), SHIPPED) is Hindrance.FEW_DRAWN
    assert isinstance(propose_from(known(60, 50, heaviest=1.5), SHIPPED), Proposal)


def apart(count: int) -> VerifiedFilms:
    """Films of which every one with the disease is higher than every one without it."""
    films = known(count, count)
    return replace(films, score=np.where(films.positive, 0.6 + 0.3 * films.score, 0.3 * films.score + 0.005))


def test_scores_that_part_the_patients_perfectly_are_no_reason_against_a_proposal() -> None:
    found = propose_from(apart(200), SHIPPED)
    assert isinstance(found, Proposal)
    assert found.recalibration.is_allowed and found.recalibration.slope == 1
    FindingThresholds(finding="COVID-19", **asdict(found.thresholds), **asdict(found.recalibration))


def test_a_finding_with_one_threshold_is_not_bound_by_another() -> None:
    """Some who do not have it are as high as can be: no upper threshold could be allowed."""
    films = known(80, 60)
    high = replace(films, score=np.where(films.positive, films.score, 0.9995))
    assert propose_from(high, SHIPPED) is Hindrance.OUT_OF_BOUNDS
    found = propose_from(high, SHIPPED, one_threshold=True)
    assert isinstance(found, Proposal)
    assert found.thresholds.lower == pytest.approx(lower_threshold(films), abs=1e-4)


def test_no_threshold_leaves_the_bounds() -> None:
    films = known(40, 43)
    low = VerifiedFilms(
        score=np.where(films.positive, 1e-5, films.score),
        positive=films.positive,
        day=films.day,
        weight=films.weight,
        whole=True,
        heaviest=1.0,
    )
    assert propose_from(low, SHIPPED) is Hindrance.OUT_OF_BOUNDS


def test_the_calibration_of_a_clinic_whose_scores_are_shifted_is_found_again() -> None:
    random = np.random.default_rng(3)
    odds = random.normal(0, 2, 4000)
    films = VerifiedFilms(
        score=1 / (1 + np.exp(-odds)),
        positive=random.random(4000) < 1 / (1 + np.exp(-(0.7 * odds - 1))),
        day=np.zeros(4000, dtype=np.int64),
        weight=np.ones(4000),
        whole=True,
        heaviest=1.0,
    )
    found = propose_from(films, SHIPPED)
    assert isinstance(found, Proposal)
    assert found.recalibration.offset == pytest.approx(-1, abs=0.2)
    assert found.recalibration.slope == pytest.approx(0.7, abs=0.1)
    lower = lower_threshold(films)
    assert lower is not None
    missed = found.recalibration(films.score) < found.thresholds.lower
    assert (missed & (films.score >= lower)).sum() == 0


@settings(max_examples=50)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 1000))
def test_a_proposal_is_in_order_and_keeps_its_promise_on_its_own_films(
    positives: int, negatives: int, seed: int
) -> None:
    films = known(positives, negatives, seed=seed)
    found = propose_from(films, SHIPPED)
    if isinstance(found, Proposal):
        assert 0 < found.thresholds.lower <= found.thresholds.upper < 1
        scores = found.recalibration(films.score)
        assert np.mean(scores[films.positive] < found.thresholds.lower) <= MISSED
    elif found is Hindrance.TOO_FEW:
        assert positives < 29 or negatives < 30
