from __future__ import annotations

import pytest
import torch

from lungwise.training.draws import Draws, seed_of

pytestmark = pytest.mark.training


def test_a_step_draws_what_belongs_to_its_key() -> None:
    once, again, other = Draws(1, 2, 3), Draws(1, 2, 3), Draws(1, 2, 4)

    assert torch.equal(once.uniform(0, 1, 9), again.uniform(0, 1, 9))
    assert torch.equal(once.normal_like(torch.zeros(3, 3)), again.normal_like(torch.zeros(3, 3)))
    assert not torch.equal(once.uniform(0, 1, 9), other.uniform(0, 1, 9))
    assert seed_of(1, 23) != seed_of(12, 3)


def test_numbers_are_in_their_range() -> None:
    draws = Draws(0)

    numbers, wholes = draws.uniform(2, 3, 1000), draws.whole(4, 7, 1000)

    assert 2 <= float(numbers.min()) < 2.05 and 2.95 < float(numbers.max()) < 3
    assert sorted(set(wholes.tolist())) == [4, 5, 6]
