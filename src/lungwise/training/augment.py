"""Augmentation: what may happen to a film before it reaches a clinic's screen.

Whole batches at once, in torch alone, so that the same functions run on a processor and on a graphics card. Read
`augment` first. A step is a function of (films, rng); which films of a batch it is made to, and how strongly, is drawn
from `rng`. Strengths were chosen so that a radiologist would still give the same answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lungwise.training.draws import Draws, column
from lungwise.training.photograph_light import photograph_light
from lungwise.training.recipe import Odds
from lungwise.training.recompress import recompress

TURNABLE = 4
"""Quarter turns after which a film lies as before."""


Step = Callable[[Tensor, Draws], Tensor]
"""A change of some films, (n, 1, size, size) in [0, 1], with numbers drawn for it."""


class Augmented(NamedTuple):
    """A changed batch of `n` films."""

    films: Tensor
    """(n, 1, size, size) in [0, 1]."""
    frames: Tensor
    """(n, 2, 3) affine map from a place in the changed film to its place in the film, both in [-1, 1]: x, y, 1."""
    quarters: Tensor
    """(n,) by how many quarter turns to the left each film was turned at last."""


def augment(films: Tensor, styles: Tensor, odds: Odds, size: int, rng: Draws) -> Augmented:
    """Change a batch of films.

    Parameters
    ----------
    films
        (n, 1, side, side) in [0, 1].
    styles
        As many other films, of any source, whose grey levels and surroundings these may take on.
    odds
        How likely each change is; every film is moved and shaded.
    size
        Side of the changed films in pixels.
    """
    frames = _frames(len(films), rng)
    films = _some(films, odds.transplant, rng, lambda chosen, which: transplant(chosen, styles[which], rng))
    films = _some(films, odds.levels, rng, lambda chosen, which: match_levels(chosen, styles[which]))
    films = _shade(_warp(films, frames, size, rng), rng)
    for name, step in _STEPS.items():
        films = _some(films, getattr(odds, name), rng, _without_indices(step, rng))
    films, quarters = _turn(films, odds.turn, rng)
    return Augmented(films, frames, quarters)


def stretch(films: Tensor) -> Tensor:
    """Stretch grey levels as `films.preprocess` does: the 0.5th percentile becomes 0, the 99.5th becomes 1."""
    flat = films.flatten(1)
    last = flat.shape[1] - 1
    low = flat.kthvalue(int(0.005 * last) + 1, 1).values
    high = flat.kthvalue(int(0.995 * last) + 1, 1).values
    span = (high - low).clamp(min=1e-3)
    return ((films - column(low)) / column(span)).clamp(0, 1)


def match_levels(films: Tensor, styles: Tensor) -> Tensor:
    """Give films the grey-level histograms of others, so that they say less of their source."""
    levels = (films.flatten(1) * 255).round().long()
    table = torch.searchsorted(_distribution(styles), _distribution(films)).clamp(max=255) / 255
    return table.float().gather(1, levels).view_as(films)


def transplant(films: Tensor, styles: Tensor, rng: Draws) -> Tensor:
    """Put each film's chest into another's surroundings: what lies around the lungs says nothing of them."""
    number, side = len(films), films.shape[-1]
    around = match_levels(styles, films)
    away = _places(side, films.device).abs() / 2
    half_y, half_x = (rng.uniform(0.38, 0.48, number)[:, None] for _ in range(2))
    power = rng.uniform(3, 8, number)[:, None]
    down, across = (away / half_y) ** power, (away / half_x) ** power
    share = (1.5 - down[:, None, :, None] - across[:, None, None, :]).clamp(0, 1)
    return films * share + around * (1 - share)


def _distribution(films: Tensor) -> Tensor:
    """(n, 256) share of the film at or below each grey level."""
    levels = (films.flatten(1) * 255).round().long()
    counts = torch.full((len(films), 256), 1e-6, device=films.device)
    counts.scatter_add_(1, levels, torch.ones_like(levels, dtype=counts.dtype))
    return counts.cumsum(1) / counts.sum(1, keepdim=True)


def _some(films: Tensor, chance: float, rng: Draws, step: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Make a step to those films that chance chooses; it is given the films and their indices."""
    which = (rng.uniform(0, 1, len(films)) < chance).nonzero()[:, 0]
    return films.index_copy(0, which, step(films[which], which)) if len(which) else films


def _without_indices(step: Step, rng: Draws) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda chosen, _which: step(chosen, rng)


def _frames(number: int, rng: Draws) -> Tensor:
    """Turn by up to 12 degrees, scale, shift, and mirror half of the films."""
    angle = rng.uniform(-0.21, 0.21, number)
    scale = rng.uniform(0.85, 1.12, number)
    scale_x, scale_y = (scale * rng.uniform(0.93, 1.07, number) for _ in range(2))
    mirror = rng.whole(0, 2, number) * 2 - 1
    x, y = (rng.uniform(-0.12, 0.12, number) for _ in range(2))
    rows = (
        torch.stack((angle.cos() * scale_x * mirror, -angle.sin() * scale_y, x), 1),
        torch.stack((angle.sin() * scale_x * mirror, angle.cos() * scale_y, y), 1),
    )
    return torch.stack(rows, 1)


def _warp(films: Tensor, frames: Tensor, size: int, rng: Draws) -> Tensor:
    """Resample films by their frames; what lies outside is black, or in a third of the films of any grey."""
    places = F.affine_grid(frames, [len(films), 1, size, size], align_corners=False)
    fill = column(rng.uniform(0, 1, len(films)) * (rng.uniform(0, 1, len(films)) < 1 / 3))
    return F.grid_sample(films - fill, places, mode="bilinear", align_corners=False) + fill


def _shade(films: Tensor, rng: Draws) -> Tensor:
    """Exposure, contrast and film curve."""
    power, contrast, shift = (
        column(rng.uniform(low, high, len(films))) for low, high in ((0.65, 1.5), (0.75, 1.15), (-0.06, 0.06))
    )
    return ((films.clamp(0, 1) ** power - 0.5) * contrast + 0.5 + shift).clamp(0, 1)


def gaussian(films: Tensor, sigma: Tensor) -> Tensor:
    """Blur each film by its own sigma (n,), in pixels, at most 3."""
    reach = torch.arange(-6, 7, device=films.device)
    kernel = torch.exp(-(reach**2) / (2 * sigma[:, None].clamp(min=1e-3) ** 2))
    kernel = kernel / kernel.sum(1, keepdim=True)
    apart = F.pad(films.transpose(0, 1), (6, 6, 6, 6), mode="replicate")  # each film is a channel with its own kernel
    down = F.conv2d(apart, kernel[:, None, :, None], groups=len(films))
    return F.conv2d(down, kernel[:, None, None, :], groups=len(films)).transpose(0, 1)


def _blur(films: Tensor, rng: Draws) -> Tensor:
    return gaussian(films, rng.uniform(0.4, 1.3, len(films)))


def _sharpen(films: Tensor, rng: Draws) -> Tensor:
    """Unsharp mask."""
    blurred = gaussian(films, rng.uniform(1, 3, len(films)))
    return (films + column(rng.uniform(0.4, 1.6, len(films))) * (films - blurred)).clamp(0, 1)


def _coarsen(films: Tensor, rng: Draws) -> Tensor:
    """Lose resolution, as a film copied at another size has: a few films at a time, each few to a size of their own."""
    size = films.shape[-1]
    parts = []
    for part in torch.split(films, 4):
        side = int(rng.whole(size * 6 // 10, size * 95 // 100, 1))
        coarse = F.interpolate(part, (side, side), mode="bilinear", antialias=True, align_corners=False)
        parts.append(F.interpolate(coarse, (size, size), mode="bilinear", align_corners=False))
    return torch.cat(parts)


def _noise(films: Tensor, rng: Draws) -> Tensor:
    return (films + rng.normal_like(films) * column(rng.uniform(0.008, 0.055, len(films)))).clamp(0, 1)


def _collimate(films: Tensor, rng: Draws) -> Tensor:
    """Frame films in black, white or grey, each side on its own."""
    places = (_places(films.shape[-1], films.device) + 1) / 2
    left, right, top, bottom = (rng.uniform(0, 0.12, len(films))[:, None] for _ in range(4))
    across, down = ((places < left) | (places > 1 - right)), ((places < top) | (places > 1 - bottom))
    return torch.where(down[:, None, :, None] | across[:, None, None, :], _ink(len(films), rng), films)


def _erase(films: Tensor, rng: Draws) -> Tensor:
    """Hide a patch, so that no single place decides."""
    places = (_places(films.shape[-1], films.device) + 1) / 2
    inside = []
    for _ in range(2):
        length = rng.uniform(0.08, 0.28, len(films))
        start = rng.uniform(0, 1, len(films)) * (1 - length)
        inside.append((places >= start[:, None]) & (places < (start + length)[:, None]))
    patch = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return torch.where(patch, column(rng.uniform(0, 1, len(films))), films)


def _mark(films: Tensor, rng: Draws) -> Tensor:
    """A side mark or a number near the edge: a row of boxes with gaps, as letters are from far away."""
    places = _places(films.shape[-1], films.device)
    number = len(films)
    high, letters = rng.uniform(0.04, 0.12, number), rng.whole(1, 10, number)
    start = (rng.whole(0, 3, number) - 1) * 0.75 + rng.uniform(-0.15, 0.0, number)
    edge = rng.uniform(0.8, 0.95, number) * (rng.whole(0, 2, number) * 2 - 1)
    along = (places - start[:, None]) / (0.7 * high[:, None])
    stroke = torch.sin(along[:, None, None, :] * 9 + edge[:, None, None, None] * 40 * places[:, None]) > 0
    within = ((along > 0) & (along < letters[:, None]) & (along % 1 < 0.8))[:, None, None, :]
    row = ((places - edge[:, None]).abs() < high[:, None] / 2)[:, None, :, None]
    ink = column((rng.whole(0, 4, number) > 0).float() * rng.uniform(0.85, 1, number))
    return torch.where(row & within & stroke, ink, films)


def _invert(films: Tensor, rng: Draws) -> Tensor:
    """A film saved with the wrong photometric interpretation."""
    return 1 - films


def _turn(films: Tensor, chance: float, rng: Draws) -> tuple[Tensor, Tensor]:
    """Turn some films by a quarter, a half or three quarters."""
    chosen = (rng.uniform(0, 1, len(films)) < chance).long()
    quarters = rng.whole(1, TURNABLE, len(films)) * chosen
    turned = torch.stack([film.rot90(int(quarter), (1, 2)) for film, quarter in zip(films, quarters, strict=True)])
    return turned, quarters


def _ink(number: int, rng: Draws) -> Tensor:
    """(n, 1, 1, 1): half black, a quarter white, a quarter of any grey."""
    kind = rng.whole(0, 4, number)
    return column(torch.where(kind == 3, rng.uniform(0, 1, number), (kind == 2).float()))


def _places(side: int, device: torch.device) -> Tensor:
    """(side,) centres of the pixels in [-1, 1]."""
    return (torch.arange(side, device=device) + 0.5) / side * 2 - 1


_STEPS: dict[str, Step] = {
    "photograph": photograph_light,
    "blur": _blur,
    "sharpen": _sharpen,
    "coarsen": _coarsen,
    "noise": _noise,
    "collimate": _collimate,
    "text": _mark,
    "erase": _erase,
    "recompress": recompress,
    "invert": _invert,
}
"""By the name of their odds, in their order."""
