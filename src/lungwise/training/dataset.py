"""Labelled films as training batches: pixels, targets, and NaN where a source does not say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lungwise.films import Refusal, open_film
from lungwise.films.collection import Box, LabelledFilm
from lungwise.films.photograph.simulation import Grey, Random
from lungwise.films.preprocess import preprocess
from lungwise.reading.artefact import GATE
from lungwise.training.augment import augment, stretch
from lungwise.training.draws import Draws
from lungwise.training.labels import LABELS_ALONE, Probabilities, SoftLabels, boxes_of, targets_of
from lungwise.training.recipe import Odds, Recipe
from lungwise.training.synthetic_negatives import synthetic_negatives

MAP_GRID = 17
SIDE = 320
"""Films in memory are squares of so many pixels: somewhat more than a network sees, so that they can be moved."""

_FINER = 3
"""Places a cell of the opacity map across which a box's share is averaged."""
_SYNTHETIC = 512


class Targets(NamedTuple):
    """What is known of a batch of `n` films."""

    appearance: Tensor
    """(n, 4) probability of each appearance, NaN where nothing is known of it."""
    findings: Tensor
    """(n, findings) probability of each, 1 or 0 where a label says it, NaN where nothing is known of it."""
    gate: Tensor
    """(n,) class index."""
    opacity: Tensor
    """(n, 17, 17) how surely each cell is inside an opacity, NaN where nobody drew a box."""


class Batch(NamedTuple):
    """Films and what is known of them."""

    films: Tensor
    """(n, 1, size, size) preprocessed."""
    targets: Targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A film in memory with its targets.

    Parameters
    ----------
    pixels
        (320, 320) preprocessed, in 8 bits.
    appearance
        Class index as radiologists read it, or `UNLABELLED`.
    soft_appearance
        (4,) what is to be learnt of the appearance; NaN where nothing is.
    boxes
        None where nobody looked for opacities; empty where there are none.
    """

    film: LabelledFilm
    pixels: Grey
    appearance: int
    soft_appearance: Probabilities
    findings: Probabilities
    gate: int
    boxes: tuple[Box, ...] | None

    @property
    def path(self) -> Path:
        """Where the film lies."""
        return self.film.path


class TrainingFilms(NamedTuple):
    """All training films on the device that learns, as tensors over `n` films."""

    pixels: Tensor
    """(n, 320, 320) in 8 bits."""
    targets: Targets
    """Its opacity is empty: maps are drawn from the boxes as each film was moved."""
    boxes: Tensor
    """(n, most boxes of a film, 4) x, y, width, height as fractions of the film; of width 0 where there are fewer."""
    is_boxed: Tensor
    """(n,) whether somebody looked for opacities."""
    negatives: Tensor
    """(m, 320, 320) synthetic pictures that are not chest films, in 8 bits; m is 512, or n if that is less."""


def load_samples(films: list[LabelledFilm], labels: SoftLabels = LABELS_ALONE) -> list[Sample]:
    """Decode films into memory, 100 kB each; what a reader would refuse is left out."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        samples = pool.map(partial(_sample, labels), films)
        return [sample for sample in samples if sample is not None]


def _sample(labels: SoftLabels, film: LabelledFilm) -> Sample | None:
    try:
        opened = open_film(film.path.read_bytes())
    except Refusal:
        return None
    appearance, _, gate = targets_of(film)
    return Sample(
        film=film,
        pixels=(preprocess(opened.pixels, SIDE) * 255).round().astype(np.uint8),
        appearance=appearance,
        soft_appearance=labels.appearance(film),
        findings=labels.findings(film),
        gate=gate,
        boxes=boxes_of(film),
    )


def on_device(samples: list[Sample], seed: int, device: torch.device) -> TrainingFilms:
    """Put samples where they are learnt, with synthetic negatives that are drawn from `seed`."""
    rng = np.random.default_rng(seed)
    wanted = min(_SYNTHETIC, len(samples))
    pieces = [samples[int(i)].pixels for i in rng.integers(len(samples), size=wanted)]
    boxes = np.zeros((len(samples), max(len(sample.boxes or ()) for sample in samples) or 1, 4), np.float32)
    for row, sample in zip(boxes, samples, strict=True):
        for place, box in enumerate(sample.boxes or ()):
            row[place] = box
    return TrainingFilms(
        pixels=_stacked([sample.pixels for sample in samples], device),
        targets=Targets(
            appearance=_stacked([sample.soft_appearance for sample in samples], device),
            findings=_stacked([sample.findings for sample in samples], device),
            gate=torch.tensor([sample.gate for sample in samples], device=device),
            opacity=torch.empty(0, device=device),
        ),
        boxes=torch.from_numpy(boxes).to(device),
        is_boxed=torch.tensor([sample.boxes is not None for sample in samples], device=device),
        negatives=_stacked(synthetic_negatives(pieces, SIDE, rng), device),
    )


def _stacked(parts: list[Grey] | list[Probabilities], device: torch.device) -> Tensor:
    return torch.from_numpy(np.stack(parts)).to(device)


def sample_epoch(films: list[LabelledFilm], share: dict[str, float], rng: Random) -> NDArray[np.intp]:
    """Choose the films of one epoch: `share` of each source's label, 1 where none is given.

    A share belongs to `source:label`, to `source`, or to all sources that begin so (`cohen` for `cohen-*`). A share
    above 1 repeats films. Where a source says how films were taken, all its labels are seen with the same mix of AP
    and PA, so that the view does not stand for the label.
    """
    chosen = [np.array([], np.intp)]

    def view(i: int) -> str:
        return films[i].projection

    for source, members in sorted(_grouped(range(len(films)), lambda i: films[i].source).items()):
        views = _grouped(members, view)
        for label, labelled in sorted(_grouped(members, lambda i: films[i].label).items()):
            wanted = _share_of(source, label, share) * len(labelled)
            by_view = _grouped(labelled, view)
            seen = sum(len(views[name]) for name in by_view)
            for name, alike in sorted(by_view.items()):
                chosen.append(_repeated(np.array(alike), round(wanted * len(views[name]) / seen), rng))
    return rng.permutation(np.concatenate(chosen))


def _share_of(source: str, label: str, share: dict[str, float]) -> float:
    keys = (f"{source}:{label}", source, source.split("-")[0])
    return next((share[key] for key in keys if key in share), 1.0)


def _repeated(members: NDArray[np.intp], wanted: int, rng: Random) -> NDArray[np.intp]:
    rounds = [rng.permutation(members) for _ in range(-(-wanted // len(members)))]
    return np.concatenate([*rounds, members[:0]])[:wanted]


def _grouped(members: Iterable[int], key: Callable[[int], str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for member in members:
        groups[key(member)].append(member)
    return groups


def make_batch(films: TrainingFilms, chosen: Tensor, size: int, odds: Odds, rng: Draws) -> Batch:
    """Change the chosen films and say what is known of them now.

    Parameters
    ----------
    chosen
        (n,) indices of films.
    """
    number, other = len(chosen), GATE.index("other")
    styles = rng.whole(0, len(films.pixels), number)
    styles = torch.where(films.targets.gate[styles] == other, chosen, styles)
    synthetic = rng.uniform(0, 1, number) < odds.synthetic_negative
    pixels = torch.where(
        synthetic[:, None, None],
        films.negatives[rng.whole(0, len(films.negatives), number)],
        films.pixels[chosen],
    )
    changed = augment(_grey(pixels), _grey(films.pixels[styles]), odds, size, rng)
    gate = torch.where(synthetic, other, films.targets.gate[chosen])
    turned = (changed.quarters > 0) & (gate == GATE.index("upright"))
    known = ~(synthetic | turned)  # a film that is never read as it lies teaches the gate alone
    return Batch(
        stretch(changed.films),
        Targets(
            appearance=_where(known, films.targets.appearance[chosen]),
            findings=_where(known, films.targets.findings[chosen]),
            gate=torch.where(turned, changed.quarters, gate),
            opacity=_where(known & films.is_boxed[chosen], opacity_maps(films.boxes[chosen], changed.frames)),
        ),
    )


def opacity_maps(boxes: Tensor, frames: Tensor) -> Tensor:
    """(n, 17, 17) how surely each cell is inside an opacity, in films that were moved by their frames.

    1 in the middle of each box, half of it on the ellipse in the box, 0 in its corners: opacities are round, so a
    box's corners are mostly healthy lung, and its middle seldom is.
    """
    fine = MAP_GRID * _FINER
    places = (F.affine_grid(frames, [len(frames), 1, fine, fine], align_corners=False) + 1) / 2
    corner, half = boxes[:, :, :2], boxes[:, :, 2:] / 2
    middle = (corner + half)[:, :, None, None]
    away = (places[:, None] - middle) / half.clamp(min=1e-6)[:, :, None, None]
    inside = (1.25 - 0.75 * (away**2).sum(-1)).clamp(0, 1).amax(1)
    return F.avg_pool2d(inside, _FINER)


def _grey(pixels: Tensor) -> Tensor:
    """(n, side, side) in 8 bits to (n, 1, side, side) in [0, 1]."""
    return pixels[:, None].float() / 255


def _where(known: Tensor, targets: Tensor) -> Tensor:
    """NaN in the rows of which nothing is known."""
    return torch.where(known.view(-1, *[1] * (targets.dim() - 1)), targets, torch.nan)


def square(sample: Sample, size: int) -> NDArray[np.float32]:
    """Preprocess a film in memory: (size, size) in [0, 1]."""
    return preprocess(sample.pixels.astype(np.float32) / np.float32(255), size)


def batches(
    films: TrainingFilms, order: NDArray[np.intp], recipe: Recipe, epoch: int, start: int = 0
) -> Iterator[tuple[int, Batch]]:
    """Yield the numbers and training batches of an epoch from a step on; each step draws from its own numbers."""
    device = films.pixels.device
    for step in range(start, len(order) // recipe.batch):
        chosen = torch.from_numpy(order[step * recipe.batch : (step + 1) * recipe.batch]).to(device)
        rng = Draws(recipe.seed, epoch, step, device=device)
        yield step, make_batch(films, chosen, recipe.size(epoch), recipe.augment, rng)
