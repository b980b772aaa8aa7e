"""Random numbers of one training step, the same on every machine and device."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor


def seed_of(*key: int) -> int:
    """The seed that belongs to a key, the same on every machine."""
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8]) >> 1


def column(values: Tensor) -> Tensor:
    """(n,) to (n, 1, 1, 1), one number for each film of a batch."""
    return values[:, None, None, None]


class Draws:
    """Draws from the numbers that belong to a step.

    Few numbers a film are drawn on the processor and moved to the device, so that every device draws the same. Grain
    for whole films is drawn on the device, because moving it would take longer than all the rest.

    Parameters
    ----------
    key
        What names the step, such as seed, epoch and number; the same key draws the same numbers.
    """

    def __init__(self, *key: int, device: torch.device | str = "cpu") -> None:
        seed = seed_of(*key)
        self.device = torch.device(device)
        self._few = torch.Generator().manual_seed(seed)
        self._many = torch.Generator(self.device).manual_seed(seed)

    def uniform(self, low: float, high: float, number: int) -> Tensor:
        """(number,) in [low, high)."""
        return (torch.rand(number, generator=self._few) * (high - low) + low).to(self.device)

    def whole(self, low: int, high: int, number: int) -> Tensor:
        """(number,) whole numbers in [low, high)."""
        return torch.randint(low, high, (number,), generator=self._few).to(self.device)

    def normal_like(self, films: Tensor) -> Tensor:
        """Normal numbers of mean 0 and standard deviation 1 in the shape of some films."""
        return torch.randn(films.shape, generator=self._many, device=self.device, dtype=films.dtype)
