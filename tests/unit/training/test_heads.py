from __future__ import annotations

import numpy as np
import pytest
import torch

from lungwise.reading.artefact import APPEARANCES
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.heads import Heads, Lesson, fitted

pytestmark = pytest.mark.training

CHANNELS = 12
ROWS = len(APPEARANCES) + len(FINDING_NAMES)
NONE = Heads(np.zeros((ROWS, CHANNELS), np.float32), np.zeros(ROWS, np.float32))


def lesson(films: int = 400) -> Lesson:
    """Films whose appearance is in the first channel, and whose findings are in the next ones, one each."""
    pooled = torch.from_numpy(np.random.default_rng(0).normal(3, 2, (films, CHANNELS)).astype(np.float32))
    typical = pooled[:, :1] > 3
    appearance = torch.cat([~typical, typical, torch.zeros(films, len(APPEARANCES) - 2)], 1).float()
    return Lesson(pooled, appearance, (pooled[:, 1 : 1 + len(FINDING_NAMES)] > 3).float(), torch.ones(films))


def right(heads: Heads, taught: Lesson) -> float:
    """The share of what is known that heads say."""
    logits = taught.pooled @ torch.from_numpy(heads.weight).T + torch.from_numpy(heads.bias)
    appearance = logits[:, : len(APPEARANCES)].argmax(1) == taught.appearance.argmax(1)
    findings = (logits[:, len(APPEARANCES) :] > 0) == (taught.findings > 0.5)
    return float(torch.cat([appearance[:, None], findings], 1).float().mean())


def test_heads_learn_what_a_straight_line_parts() -> None:
    assert right(fitted(NONE, lesson(), decay=1e-4), lesson()) > 0.97


def test_heads_that_are_held_back_stay_as_they_were_trained() -> None:
    trained = Heads(np.ones((ROWS, CHANNELS), np.float32), np.ones(ROWS, np.float32))

    held = fitted(trained, lesson(), decay=1e6)

    np.testing.assert_allclose(held.weight, trained.weight, atol=1e-4)


def test_what_is_not_known_and_films_without_a_share_teach_nothing() -> None:
    taught = lesson()
    unknown, unseen = torch.arange(400) < 100, torch.arange(400) >= 150
    wrong = taught._replace(
        appearance=torch.where(unseen[:, None], taught.appearance.flip(1), taught.appearance),
        findings=torch.where(unknown[:, None], torch.nan, taught.findings),
        share=torch.where(unseen, 0.0, 1.0),
    )

    assert right(fitted(NONE, wrong, decay=1e-3), taught) > 0.9
    assert right(fitted(NONE, wrong._replace(share=torch.ones(400)), decay=1e-3), taught) < 0.9
