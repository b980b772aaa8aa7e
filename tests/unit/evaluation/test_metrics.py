"""Numbers known by hand or by scikit-learn, and what must hold for any table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from lungwise.evaluation.metrics import (
    RESAMPLES,
    Contrast,
    MixedSourcesError,
    auc,
    calibration,
    mean,
    mean_by_patient,
    proportion,
    rank_correlation,
    resample_patients,
    roc,
    threshold_at_specificity,
)

TABLES = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def contrast(positive: ArrayLike, score: ArrayLike, patient: ArrayLike | None = None) -> Contrast:
    flags = np.array(positive, np.bool_)
    named = np.arange(len(flags)).astype(str) if patient is None else np.array(patient, np.str_)
    return Contrast(
        source=np.full(len(flags), "siim"), patient=named, positive=flags, score=np.array(score, np.float64)
    )


def drawn(rng: np.random.Generator, films: int = 60) -> Contrast:
    """A table with ties, and both classes for sure."""
    positive = rng.random(films) < 0.5
    positive[:2] = True, False
    score = np.round(rng.normal(positive * 1.0, 1), 1)
    return contrast(positive, score, rng.integers(0, films // 3, films).astype(str))


def test_an_auc_across_sources_is_refused() -> None:
    flags = np.array([True, False])
    with pytest.raises(MixedSourcesError, match="delhi, hannover"):
        Contrast(
            source=np.array(["hannover", "delhi"]),
            patient=np.array(["1", "2"]),
            positive=flags,
            score=np.array([0.9, 0.1]),
        )


@pytest.mark.parametrize("positive", [[True, True], [False, False], []])
def test_an_auc_of_one_class_is_refused(positive: list[bool]) -> None:
    with pytest.raises(ValueError, match="positive and negative"):
        contrast(positive, [0.5] * len(positive))


def test_auc_counts_pairs_in_the_right_order_and_half_the_ties() -> None:
    sides = contrast([True, True, False, False], [0.9, 0.4, 0.4, 0.1])
    assert auc(sides)["value"] == 3.5 / 4
    assert auc(sides)["of"] == 4


@given(TABLES)
@settings(max_examples=30)
def test_auc_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    sides = drawn(rng)
    assert auc(sides)["value"] == pytest.approx(roc_auc_score(sides.positive, sides.score), abs=1e-6)


@given(TABLES)
@settings(max_examples=20)
def test_auc_and_its_interval_do_not_change_under_a_monotone_map(rng: np.random.Generator) -> None:
    sides = drawn(rng)
    mapped = contrast(sides.positive, np.exp(3 * sides.score) - 7, sides.patient)
    assert auc(mapped) == auc(sides)


@given(TABLES)
@settings(max_examples=20)
def test_the_interval_of_an_auc_holds_its_value(rng: np.random.Generator) -> None:
    estimate = auc(drawn(rng))
    assert 0 <= estimate["lower"] <= estimate["value"] <= estimate["upper"] <= 1


def test_the_interval_is_that_of_resampled_films_where_each_patient_has_one() -> None:
    rng = np.random.default_rng(3)
    positive = rng.random(200) < 0.5
    score = rng.normal(positive * 1.0, 1)
    lots = (rng.integers(0, 200, 200) for _ in range(RESAMPLES))
    by_hand = np.percentile([roc_auc_score(positive[lot], score[lot]) for lot in lots], (2.5, 97.5))
    estimate = auc(contrast(positive, score))
    assert (estimate["lower"], estimate["upper"]) == pytest.approx(tuple(by_hand), abs=0.01)


def test_copies_of_a_patients_film_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(1)
    positive = rng.random(80) < 0.5
    score, patient = rng.normal(positive * 1.0, 1), np.arange(80)
    copied = [np.tile(column, 4) for column in (positive, score, patient)]
    by_patient = auc(contrast(copied[0], copied[1], copied[2].astype(str)))
    by_film = auc(contrast(copied[0], copied[1]))
    assert by_patient["upper"] - by_patient["lower"] > 1.5 * (by_film["upper"] - by_film["lower"])
    assert by_patient | {"of": 80} == auc(contrast(positive, score, patient.astype(str)))


def test_a_patients_films_are_drawn_together() -> None:
    times = resample_patients(np.array(["a", "b", "a", "c"]))
    assert times.shape == (RESAMPLES, 4)
    assert (times[:, 0] == times[:, 2]).all()
    assert (times[:, [0, 1, 3]].sum(1) == 3).all()


def test_resamples_with_one_class_alone_are_left_out() -> None:
    estimate = auc(contrast([True, False], [0.9, 0.1], ["a", "b"]))
    assert estimate == {"value": 1.0, "lower": 1.0, "upper": 1.0, "of": 2}


@given(TABLES)
@settings(max_examples=20)
def test_roc_passes_through_the_points_of_scikit_learn(rng: np.random.Generator) -> None:
    sides = drawn(rng)
    false, found, _ = roc_curve(sides.positive, sides.score, drop_intermediate=False)
    highest = np.array([found[false == rate].max() for rate in false])
    curve, lower, upper = roc(sides, false)
    assert curve == pytest.approx(highest)
    assert (lower <= upper).all()


def test_wilson_is_that_of_the_book() -> None:
    estimate = proportion([True] * 81 + [False] * 182)  # Newcombe, Stat. Med. 17 (1998) 857, table I
    assert estimate is not None
    assert estimate["value"] == pytest.approx(0.3080, abs=1e-4)
    assert (estimate["lower"], estimate["upper"]) == pytest.approx((0.2553, 0.3662), abs=1e-4)


@given(st.integers(0, 400), st.integers(1, 400))
def test_wilson_holds_the_share_and_stays_between_0_and_1(count: int, n: int) -> None:
    assume(count <= n)
    estimate = proportion(np.arange(n) < count)
    assert estimate is not None
    assert 0 <= estimate["lower"] <= estimate["value"] <= estimate["upper"] <= 1
    assert estimate["lower"] < estimate["upper"]


def test_a_share_of_nothing_is_none() -> None:
    assert proportion([]) is None


def test_a_mean_comes_with_the_interval_of_its_patients() -> None:
    estimate = mean(np.array([0.0, 0.0, 1.0, 1.0]), np.array(["a", "a", "b", "b"]))
    assert estimate == {"value": 0.5, "lower": 0.0, "upper": 1.0, "of": 4}


def test_the_threshold_keeps_the_specificity_and_no_lower_one_does() -> None:
    scores = np.linspace(0.0, 0.99, 100)
    threshold = threshold_at_specificity(scores, 0.9)
    assert (scores <= threshold).mean() == 0.9
    assert (scores <= threshold - 1e-9).mean() < 0.9


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0.01, 0.99))
def test_the_threshold_reaches_the_specificity_whatever_the_ties(scores: list[float], specificity: float) -> None:
    threshold = threshold_at_specificity(np.array(scores), specificity)
    assert (np.array(scores) <= threshold).mean() >= specificity - 1e-9


def each(films: int) -> NDArray[np.str_]:
    """Each film of its own patient."""
    return np.arange(films).astype(str)


def test_a_film_that_is_there_twice_of_one_patient_makes_nothing_surer() -> None:
    rng = np.random.default_rng(7)
    probability = rng.random(60)
    positive = rng.random(60) < probability
    once = calibration(probability, positive, each(60))
    twice = calibration(np.repeat(probability, 2), np.repeat(positive, 2), np.repeat(each(60), 2))
    assert twice["ece_interval"] == pytest.approx(once["ece_interval"], abs=1e-6)


def test_of_patients_each_counts_once() -> None:
    found = mean_by_patient([True, True, True, False], ["a", "a", "a", "b"])
    assert found is not None and (found["value"], found["of"]) == (0.5, 2)
    assert (found["lower"], found["upper"]) == (0, 1)
    assert mean_by_patient([], []) is None


def test_ece_is_the_gap_weighted_by_films() -> None:
    probability = np.repeat([0.2, 0.8], [30, 10])
    positive = np.array([True] * 15 + [False] * 15 + [True] * 8 + [False] * 2)
    measured = calibration(probability, positive, each(40))
    assert measured["ece"] == pytest.approx(0.75 * 0.3)
    assert [b["films"] for b in measured["bins"]] == [30, 10]
    assert [b["observed"] for b in measured["bins"]] == [0.5, 0.8]


def test_ece_of_perfectly_calibrated_films_is_nil() -> None:
    shares = np.arange(1, 10)
    probability = np.repeat(shares / 10, 10)
    positive = np.concatenate([np.arange(10) < share for share in shares])
    measured = calibration(probability, positive, each(90))
    assert measured["ece"] == pytest.approx(0, abs=1e-6)
    assert measured["ece_if_perfect"] > 0.05


def test_what_chance_leaves_is_seldom_passed_by_calibrated_films_and_always_by_overconfident_ones() -> None:
    rng = np.random.default_rng(5)
    probability = rng.random(500)
    passed = sum(
        measured["ece"] > measured["ece_if_perfect"]
        for measured in (calibration(probability, rng.random(500) < probability, each(500)) for _ in range(40))
    )
    assert passed <= 6
    sharp = calibration(np.where(probability > 0.5, 0.99, 0.01), rng.random(500) < probability, each(500))
    assert sharp["ece"] > sharp["ece_if_perfect"]


@given(TABLES)
@settings(max_examples=20)
def test_ece_does_not_depend_on_the_order_of_the_films(rng: np.random.Generator) -> None:
    probability, positive = np.round(rng.random(50), 1), rng.random(50) < 0.4
    order = rng.permutation(50)
    measured = calibration(probability, positive, each(50))
    shuffled = calibration(probability[order], positive[order], each(50)[order])
    assert shuffled["ece"] == pytest.approx(measured["ece"], abs=1e-6)
    assert 0 <= measured["ece"] <= 1


def test_spearmans_correlation_is_that_of_mean_ranks() -> None:
    a, b = np.array([1.0, 2.0, 2.0, 7.0, 9.0]), np.array([1.0, 5.0, 3.0, 2.0, 20.0])
    by_hand = np.corrcoef([1, 2.5, 2.5, 4, 5], [1, 4, 3, 2, 5])[0, 1]

    found = rank_correlation(a, b, np.arange(5).astype(str))

    assert found["value"] == pytest.approx(by_hand, abs=1e-6)
    assert -1 <= found["lower"] <= found["value"] <= found["upper"] <= 1


@given(TABLES)
def test_the_order_alone_counts_for_spearman(rng: np.random.Generator) -> None:
    a, b, patient = rng.random(12), rng.random(12), rng.integers(0, 6, 12).astype(str)

    assert rank_correlation(a, b, patient) == rank_correlation(np.exp(a), b**3, patient)
