from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lungwise.films.collection import read_collection
from lungwise.training.dataset import load_samples
from lungwise.training.network import LungNet
from lungwise.training.validate import predict, validate

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def network() -> LungNet:
    torch.manual_seed(0)
    return LungNet().eval()


def test_predictions_do_not_depend_on_what_else_is_asked(network: LungNet, small_collection: Path) -> None:
    films = load_samples(read_collection(small_collection)[:3])

    seen = list[tuple[int, int]]()

    together = predict(network, films, 75, torch.float32, lambda *shown: seen.append(shown))
    alone = predict(network, films[:1], 75, torch.float32, lambda *shown: seen.append(shown))

    assert seen == [(3, 3), (1, 1)]
    for one, all_of_them in zip(alone, together, strict=True):
        np.testing.assert_allclose(all_of_them[:1], one, atol=1e-5)
    np.testing.assert_allclose(together.appearance.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(together.gate.sum(1), 1, atol=1e-5)


def test_a_question_with_one_class_has_no_auc(network: LungNet, small_collection: Path) -> None:
    samples = load_samples(read_collection(small_collection))

    metrics = validate(network, samples, 75, torch.float32, lambda *_: None)

    assert metrics["tuberculosis auc"] is None
    assert metrics["typical auc"] is not None
    assert 0 <= metrics["typical auc"] <= 1
