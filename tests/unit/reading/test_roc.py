from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lungwise.reading.roc import areas


def test_each_area_is_that_of_a_well_kept_library() -> None:
    random = np.random.default_rng(2)
    score, positive, weights = random.random(200).round(2), random.random(200) < 0.4, random.uniform(0, 5, (3, 200))
    expected = [roc_auc_score(positive, score, sample_weight=weight) for weight in weights]
    assert areas(score, positive, weights) == pytest.approx(expected)


def test_where_one_kind_has_no_weight_there_is_no_area() -> None:
    score, positive = np.array([0.1, 0.9]), np.array([False, True])
    assert np.isnan(areas(score, positive, np.array([[0.0, 1.0], [1.0, 1.0]]))).tolist() == [True, False]
