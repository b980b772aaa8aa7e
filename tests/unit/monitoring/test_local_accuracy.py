from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lungwise.monitoring.local_accuracy import accuracy, auc, costs
from lungwise.monitoring.verified import VerifiedFilms
from lungwise.reading.artefact import Thresholds
from lungwise.reading.intervals import wilson_interval

SHIPPED = Thresholds(lower=0.3, upper=0.8)


def films(score: list[float], positive: list[bool], weight: list[float] | None = None) -> VerifiedFilms:
    return VerifiedFilms(
        score=np.array(score),
        positive=np.array(positive),
        day=np.zeros(len(score), dtype=np.int64),
        weight=np.array(weight or [1.0] * len(score)),
        whole=True,
        heaviest=max(weight or [1.0]),
    )


def test_shares_are_counted_with_wilsons_interval() -> None:
    known = films([0.9, 0.5, 0.1, 0.9, 0.2, 0.1], [True, True, True, False, False, False])
    found = accuracy(known, SHIPPED)
    assert (found.positives, found.negatives) == (3, 3)
    assert found.sensitivity is not None and found.sensitivity.value == pytest.approx(2 / 3)
    assert (found.sensitivity.lower, found.sensitivity.upper) == pytest.approx(wilson_interval(2, 3))
    shares = (found.specificity, found.called, found.cleared, found.predictive_positive, found.predictive_negative)
    assert [share.value for share in shares if share] == pytest.approx([2 / 3, 1 / 3, 2 / 3, 1 / 2, 2 / 3])


def test_a_film_that_stands_for_others_counts_for_them() -> None:
    known = films([0.9, 0.1], [True, True], [1.0, 9.0])
    found = accuracy(known, SHIPPED).sensitivity
    assert found is not None and found.value == pytest.approx(0.1)
    assert found.upper - found.lower > 0.5


def test_the_area_is_that_of_a_well_kept_library() -> None:
    random = np.random.default_rng(2)
    score, positive, weight = random.random(200).round(2), random.random(200) < 0.4, random.uniform(1, 5, 200)
    found = auc(films(score.tolist(), positive.tolist(), weight.tolist()))
    assert found is not None
    assert found.value == pytest.approx(roc_auc_score(positive, score, sample_weight=weight))
    assert found.lower < found.value < found.upper


def test_of_one_kind_of_film_there_is_no_area() -> None:
    known = films([0.9, 0.1], [True, True])
    assert (auc(known), accuracy(known, SHIPPED).specificity) == (None, None)
    assert costs(films([0.9], [False])) == []


def test_a_lower_threshold_tests_more_and_misses_fewer() -> None:
    random = np.random.default_rng(4)
    found = costs(films(random.random(100).tolist(), (random.random(100) < 0.5).tolist()))
    assert found[0].tested == 1 and found[0].missed == 0
    assert [one.tested for one in found] == sorted((one.tested for one in found), reverse=True)
    assert [one.missed for one in found] == sorted(one.missed for one in found)
