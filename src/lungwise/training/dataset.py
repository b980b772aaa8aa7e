"""Labelled films as training batches: pixels, targets, and NaN where a source does not say."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lungwise.films import Refusal, open_film
from lungwise.films.collection import Box, LabelledFilm
from lungwise.films.photograph.simulation import Grey, Random
from lungwise.films.preprocess import preprocess
from lungwise.reading.artefact import APPEARANCES, GATE
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.augment import augment
from lungwise.training.labels import LABELS_ALONE, Probabilities, SoftLabels, boxes_of, targets_of
from lungwise.training.recipe import Odds
from lungwise.training.synthetic_negatives import synthetic_negative

MAP_GRID = 17
_AHEAD = 3
"""Batches made in advance."""


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

    def to(self, device: torch.device) -> Targets:
        """Move them to a device."""
        return Targets(*(target.to(device) for target in self))


class Batch(NamedTuple):
    """Films and what is known of them."""

    films: Tensor
    """(n, 1, size, size) preprocessed."""
    targets: Targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A film in memory with its targets."""

    path: Path
    source: str
    pixels: Grey
    appearance: int
    """Class index as radiologists read it, or `UNLABELLED`."""
    soft_appearance: Probabilities
    """(4,) what is to be learnt of the appearance; NaN where nothing is."""
    findings: Probabilities
    gate: int
    boxes: tuple[Box, ...] | None
    """None where nobody looked for opacities; empty where there are none."""


class _Example(NamedTuple):
    """One film of a batch."""

    film: NDArray[np.float32]
    appearance: Probabilities
    findings: Probabilities
    gate: int
    opacity: NDArray[np.float32]


def load_samples(films: list[LabelledFilm], labels: SoftLabels = LABELS_ALONE) -> list[Sample]:
    """Decode films into memory, about 80 kB each; what a reader would refuse is left out."""
    with ThreadPoolExecutor(2) as pool:
        samples = pool.map(partial(_sample, labels), films)
        return [sample for sample in samples if sample is not None]


def _sample(labels: SoftLabels, film: LabelledFilm) -> Sample | None:
    try:
        opened = open_film(film.path.read_bytes())
    except Refusal:
        return None
    appearance, _, gate = targets_of(film)
    return Sample(
        path=film.path,
        source=film.source,
        pixels=(opened.pixels * 255).round().astype(np.uint8),
        appearance=appearance,
        soft_appearance=labels.appearance(film),
        findings=labels.findings(film),
        gate=gate,
        boxes=boxes_of(film),
    )


def sample_epoch(sources: list[str], share: dict[str, float], rng: Random) -> NDArray[np.intp]:
    """Choose the samples of one epoch: `share[source]` of each source, 1 where none is given.

    A share above 1 repeats films. Hosts of one collection (`cohen-*`) share its entry.
    """
    chosen = []
    for source in sorted(set(sources)):
        members = np.flatnonzero(np.array(sources) == source)
        wanted = round(share.get(source, share.get(source.split("-")[0], 1.0)) * len(members))
        rounds = [rng.permutation(members) for _ in range(-(-wanted // len(members)))]
        chosen.append(np.concatenate([*rounds, members[:0]])[:wanted])
    return rng.permutation(np.concatenate(chosen))


def batches(
    samples: list[Sample], order: NDArray[np.intp], size: int, batch: int, odds: Odds, rng: Random
) -> Iterator[Batch]:
    """Yield augmented training batches in the given order, each made while the one before it is learnt."""

    def make(start: int) -> Batch:
        return _collate([_augmented(samples, int(i), size, odds, rng) for i in order[start : start + batch]])

    with ThreadPoolExecutor(1) as pool:  # one thread: random numbers are drawn in a fixed order
        coming: deque[Future[Batch]] = deque()
        for start in range(0, len(order) - batch + 1, batch):
            coming.append(pool.submit(make, start))
            if len(coming) > _AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def _augmented(samples: list[Sample], index: int, size: int, odds: Odds, rng: Random) -> _Example:
    sample = samples[index]
    style = samples[int(rng.integers(len(samples)))]
    style = sample if style.gate == GATE.index("other") else style
    if rng.random() < odds.synthetic_negative:
        return _for_the_gate(synthetic_negative(style.pixels, rng), size, GATE.index("other"))
    opacity = _opacity_map(sample.boxes or (), sample.pixels.shape)
    film, opacity = augment(sample.pixels, opacity, style.pixels, odds, rng)
    if sample.gate == GATE.index("upright") and rng.random() < odds.turn:
        quarters = int(rng.integers(1, 4))
        return _for_the_gate(np.rot90(film, quarters), size, quarters)
    grid = _grid(opacity) if sample.boxes is not None else _unknown(MAP_GRID, MAP_GRID)
    return _Example(square(film, size), sample.soft_appearance, sample.findings, sample.gate, grid)


def _for_the_gate(film: Grey, size: int, gate: int) -> _Example:
    """What teaches the gate alone, because it is never read as it lies."""
    unknown = (_unknown(len(APPEARANCES)), _unknown(len(FINDING_NAMES)))
    return _Example(square(film, size), *unknown, gate, _unknown(MAP_GRID, MAP_GRID))


def _unknown(*shape: int) -> NDArray[np.float32]:
    return np.full(shape, np.nan, np.float32)


def _opacity_map(boxes: tuple[Box, ...], shape: tuple[int, ...]) -> Grey:
    """(height, width) 255 in the middle of each box, half of it on the ellipse in the box, 0 in its corners.

    Opacities are round: a box's corners are mostly healthy lung, and its middle seldom is.
    """
    inside = np.zeros(shape)
    rows, columns = ((np.arange(side) + 0.5) / side for side in shape)
    for x, y, w, h in boxes:
        down, across = (rows - y - h / 2) / (h / 2), (columns - x - w / 2) / (w / 2)
        inside = np.maximum(inside, 1.25 - 0.75 * (down[:, None] ** 2 + across**2))
    return (np.clip(inside, 0, 1) * 255).round().astype(np.uint8)


def _grid(opacity: Grey) -> NDArray[np.float32]:
    coarse = Image.fromarray(opacity).resize((MAP_GRID, MAP_GRID), Image.Resampling.BOX)
    return np.asarray(coarse, np.float32) / np.float32(255)


def square(film: Grey, size: int) -> NDArray[np.float32]:
    """Preprocess a film in memory: (size, size) in [0, 1]."""
    return preprocess(film.astype(np.float32) / np.float32(255), size)


def _collate(examples: list[_Example]) -> Batch:
    films, *targets = (torch.from_numpy(np.stack(part)) for part in zip(*examples, strict=True))
    return Batch(films[:, None], Targets(*targets))
