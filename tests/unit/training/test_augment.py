from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lungwise.training.augment import augment, gaussian, match_levels, stretch, transplant
from lungwise.training.dataset import opacity_maps
from lungwise.training.draws import Draws
from lungwise.training.recipe import Odds

pytestmark = pytest.mark.training

NEVER = Odds(**dict.fromkeys(Odds.model_fields, 0.0))


def films(number: int = 4, side: int = 96, seed: int = 0) -> Tensor:
    return torch.rand((number, 1, side, side), generator=torch.Generator().manual_seed(seed))


def test_films_keep_their_range_whatever_happens_to_them() -> None:
    for name in Odds.model_fields:
        changed = augment(films(), films(seed=1), NEVER.model_copy(update={name: 1.0}), 75, Draws(0))
        assert changed.films.shape == (4, 1, 75, 75), name
        assert float(changed.films.min()) >= 0 and float(changed.films.max()) <= 1, name
        assert changed.films.isfinite().all(), name


def test_every_change_changes_a_film() -> None:
    plain = augment(films(), films(seed=1), NEVER, 75, Draws(0)).films
    for name in set(Odds.model_fields) - {"synthetic_negative"}:
        changed = augment(films(), films(seed=1), NEVER.model_copy(update={name: 1.0}), 75, Draws(0)).films
        assert not torch.equal(changed, plain), name


def test_the_same_key_gives_the_same_films() -> None:
    once, again, other = (augment(films(), films(seed=1), Odds(), 75, Draws(*key)) for key in ((5, 1), (5, 1), (5, 2)))

    assert torch.equal(once.films, again.films)
    assert not torch.equal(once.films, other.films)


def test_the_opacity_moves_with_the_lung() -> None:
    """A bright ellipse on black, and its box: wherever one goes, the map of the other is."""
    places = (torch.arange(200) + 0.5) / 200
    away = ((places[:, None] - 0.4) / 0.15) ** 2 + ((places - 0.3) / 0.1) ** 2
    bright = (away < 1).float()[None, None].expand(40, 1, 200, 200)
    boxes = torch.tensor([[0.2, 0.25, 0.2, 0.3]]).expand(40, 1, 4)

    changed = augment(bright, bright, NEVER, 153, Draws(0))
    maps = opacity_maps(boxes, changed.frames)

    seen = F.avg_pool2d(stretch(changed.films), 9)[:, 0] > 0.5
    mapped = maps > 0.5
    overlap = (seen & mapped).sum((1, 2)) / (seen | mapped).sum((1, 2))
    assert float(overlap.median()) > 0.6
    assert float(overlap.min()) > 0.3


def test_a_turned_film_is_turned_to_the_left() -> None:
    upper_half = torch.zeros(32, 1, 80, 80)
    upper_half[:, :, :40] = 1

    changed = augment(upper_half, upper_half, NEVER.model_copy(update={"turn": 1.0}), 80, Draws(1))

    for quarter, (film,) in zip(changed.quarters.tolist(), changed.films, strict=True):
        left, right, upper, lower = film[:, :40], film[:, 40:], film[:40], film[40:]
        bright, dark = {1: (left, right), 2: (lower, upper), 3: (right, left)}[quarter]
        assert float(bright.mean()) > float(dark.mean()) + 0.3


def test_a_transplanted_chest_lies_in_the_surroundings_of_another() -> None:
    chest = films(side=100)
    around = torch.linspace(0, 1, 100).expand(4, 1, 100, 100)

    moved = transplant(chest, around, Draws(0))

    torch.testing.assert_close(moved[..., 40:60, 40:60], chest[..., 40:60, 40:60])
    corners = torch.cat([moved[..., :3, :3], moved[..., -3:, :3]], 2).flatten(1)
    assert (corners.std(1) < 0.1).all()  # the surroundings are smooth, the chest is noise


def test_matched_levels_are_those_of_the_other_film() -> None:
    dark, bright = films() * 0.2, films(seed=1) * 0.4 + 0.6

    matched = match_levels(dark, bright)

    assert float((matched.flatten(1).median(1).values - bright.flatten(1).median(1).values).abs().max()) < 0.02
    order = dark.flatten(1).argsort(1)
    assert (matched.flatten(1).gather(1, order).diff(dim=1) >= -1 / 255).all()


def test_films_are_stretched_as_they_are_when_they_are_read() -> None:
    import numpy as np

    from lungwise.films.preprocess import preprocess

    film = films(1) * 0.3 + 0.2

    np.testing.assert_allclose(stretch(film)[0, 0].numpy(), preprocess(film[0, 0].numpy(), 96), atol=1e-5)


def test_each_film_is_blurred_by_its_own_sigma() -> None:
    dot = torch.zeros(2, 1, 41, 41)
    dot[..., 20, 20] = 1

    sharp, soft = gaussian(dot, torch.tensor([0.5, 2.0]))

    torch.testing.assert_close(sharp.sum(), soft.sum())
    assert float(soft[0, 20, 20]) == pytest.approx(1 / (2 * torch.pi * 4), rel=0.02)
    assert float(sharp.max()) > 10 * float(soft.max())
