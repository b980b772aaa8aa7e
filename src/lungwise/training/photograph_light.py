"""The light of a telephone's photograph of a film, already cut out and straightened: shadow, glare, moire, falloff.

The evaluation photographs films with another camera (`films.photograph.simulation`), made differently on purpose, so
that no network is measured by the camera that it learnt from.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lungwise.training.draws import Draws, column


def photograph_light(films: Tensor, rng: Draws) -> Tensor:
    """Return films, (n, 1, size, size) in [0, 1], as a camera would see them."""
    number, size = len(films), films.shape[-1]
    seen = films * column(rng.uniform(0.55, 0.95, number)) + column(rng.uniform(0, 0.25, number))
    places = (torch.arange(size, device=films.device) + 0.5) / size - 0.5
    across, down = places[None, None, None, :], places[None, None, :, None]
    for chance, light in _LIGHTS:
        happens = column((rng.uniform(0, 1, number) < chance).float())
        factor, added = light(across, down, rng, number)
        seen = seen * (1 + happens * (factor - 1)) + happens * added
    grain = rng.normal_like(films) * column(rng.uniform(0, 0.03, number))
    return (seen + grain).clamp(0, 1)


_Change = tuple[Tensor, Tensor | float]
"""What films are multiplied by, and what is added."""


def _shadow(across: Tensor, down: Tensor, rng: Draws, number: int) -> _Change:
    """A hand, a window or the light box's edge: darker to one side."""
    along = _along(across, down, rng, number)
    softness, edge = column(rng.uniform(0.1, 1.2, number)), column(rng.uniform(-0.4, 0.4, number))
    return 1 - column(rng.uniform(0.1, 0.5, number)) * torch.sigmoid((along - edge) / softness * 4), 0.0


def _glare(across: Tensor, down: Tensor, rng: Draws, number: int) -> _Change:
    """A lamp reflected in the film or on the screen."""
    width, height = (column(rng.uniform(0.04, 0.35, number)) for _ in range(2))
    x, y = (column(rng.uniform(-0.5, 0.5, number)) for _ in range(2))
    spot = torch.exp(-(((across - x) / width) ** 2) - ((down - y) / height) ** 2)
    return torch.ones_like(spot), column(rng.uniform(0.1, 0.7, number)) * spot


def _stripes(across: Tensor, down: Tensor, rng: Draws, number: int) -> _Change:
    """The beat of a screen's pixels with the camera's: faint bent stripes."""
    bent = column(rng.uniform(-0.3, 0.3, number)) * (across**2 + down**2)
    phase = column(rng.uniform(6, 70, number)) * (_along(across, down, rng, number) + bent)
    waves = torch.sin(2 * torch.pi * (phase + column(rng.uniform(0, 1, number))))
    return 1 + column(rng.uniform(0.01, 0.09, number)) * waves, 0.0


def _falloff(across: Tensor, down: Tensor, rng: Draws, number: int) -> _Change:
    """A lens and a light box are brightest in the middle."""
    return 1 - column(rng.uniform(0.1, 0.8, number)) * (across**2 + down**2), 0.0


def _along(across: Tensor, down: Tensor, rng: Draws, number: int) -> Tensor:
    """Distance along a direction of any angle."""
    angle = column(rng.uniform(0, 2 * torch.pi, number))
    return across * angle.cos() + down * angle.sin()


_LIGHTS: tuple[tuple[float, Callable[[Tensor, Tensor, Draws, int], _Change]], ...] = (
    (0.5, _shadow),
    (0.4, _glare),
    (0.4, _stripes),
    (0.4, _falloff),
)
