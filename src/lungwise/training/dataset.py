"""Labelled films as training batches: pixels, targets, and masks where a source is silent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lungwise.films import Refusal, open_film
from lungwise.films.collection import Box, LabelledFilm
from lungwise.films.preprocess import preprocess
from lungwise.reading.artefact import APPEARANCES, GATE
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.augment import Grey, Random, augment
from lungwise.training.synthetic_negatives import draw_nothing

UNLABELLED = -1
"""The class index of a target that a source does not give."""

MAP_GRID = 17
_AHEAD = 3
"""Batches drawn in advance."""

_TURNED = 0.05
"""Share of the films that are turned by a quarter or a half, to teach the gate."""

_NOTHING = 0.03
"""Share of the films in whose place something is drawn that is no film, to teach the gate."""


class Targets(NamedTuple):
    """What is known of a batch of `n` films."""

    appearance: Tensor
    """(n, 4) probability of each appearance, NaN where nothing is known of it."""
    findings: Tensor
    """(n, findings) 1, 0 or NaN where the source does not say."""
    gate: Tensor
    """(n,) class index."""
    opacity: Tensor
    """(n, 17, 17) how surely each cell is inside an opacity, NaN where nobody drew a box."""


class Batch(NamedTuple):
    """Films and what is known of them."""

    films: Tensor
    """(n, 1, size, size) preprocessed."""
    targets: Targets


Opinion = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Takes a film's (height, width) grey levels in [0, 1] and gives (4,) probabilities of its appearance."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """What is learnt of a film's appearance, from its label and from what earlier networks say of it."""

    opinion: Opinion | None
    smoothing: float
    """The opinion's share in the labels of radiologists, who disagree on one in ten."""

    def teach(self, film: LabelledFilm, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """(4,) probabilities to be learnt; NaN of a film whose label says nothing, when there is no opinion."""
        label, _, _ = targets_of(film)
        if label != UNLABELLED:
            learnt: NDArray[np.float32] = (1 - self.smoothing) * _sure(label) + self.smoothing * self._opinion(pixels)
            return learnt
        diagnosis = "normal" if film.finding == "No Finding" else film.label
        if self.opinion is None or not film.adult or diagnosis not in _NOT_TYPICAL:
            return np.full(len(APPEARANCES), np.nan, np.float32)
        return _moved(self.opinion(pixels), _NOT_TYPICAL[diagnosis])

    def _opinion(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        alike = np.full(len(APPEARANCES), 1 / len(APPEARANCES), np.float32)
        return self.opinion(pixels) if self.opinion else alike


_NOT_TYPICAL = {
    "normal": "negative",
    "pneumonia": "atypical",
    "tuberculosis": "atypical",
    "other": "atypical",
    "COVID-19": "typical",
}
"""What a film outside SIIM is where a network takes it for typical, by its published diagnosis.

No source is given one appearance: the opinion keeps its share of the others, so that the look of a
source does not stand for its label. An infected patient may have a clear film: that opinion is kept."""


def _moved(opinion: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """The opinion with the probability of the typical appearance given to another."""
    moved, typical = opinion.astype(np.float32).copy(), APPEARANCES.index("typical")
    share, moved[typical] = moved[typical], 0
    moved[APPEARANCES.index(name)] += share
    return moved


def _sure(label: int) -> NDArray[np.float32]:
    sure: NDArray[np.float32] = np.eye(1, len(APPEARANCES), label, dtype=np.float32)[0]
    return sure


@dataclass(frozen=True, slots=True)
class Sample:
    """A film in memory with its targets."""

    source: str
    pixels: Grey
    appearance: int
    """Class index as radiologists read it, or `UNLABELLED`."""
    taught: NDArray[np.float32]
    """(4,) what is to be learnt of the appearance; NaN where nothing is."""
    findings: NDArray[np.float32]
    gate: int
    boxes: tuple[Box, ...] | None
    """None where nobody looked for opacities; empty where there are none."""


_LABELS_ALONE = Teacher(None, 0.0)


def load_samples(films: list[LabelledFilm], teacher: Teacher = _LABELS_ALONE) -> list[Sample]:
    """Decode films into memory, about 80 kB each; what a reader would refuse is left out."""
    with ThreadPoolExecutor(2) as pool:
        samples = pool.map(partial(_sample, teacher), films)
        return [sample for sample in samples if sample is not None]


def draw_epoch(sources: list[str], share: dict[str, float], rng: Random) -> NDArray[np.intp]:
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


def batches(samples: list[Sample], order: NDArray[np.intp], size: int, batch: int, rng: Random) -> Iterator[Batch]:
    """Yield augmented training batches in the given order, each drawn while the one before it is learnt."""

    def draw(start: int) -> Batch:
        return _collate([_augmented(samples, int(i), size, rng) for i in order[start : start + batch]])

    with ThreadPoolExecutor(1) as pool:  # one thread: what is drawn by lot stays in order
        coming: deque[Future[Batch]] = deque()
        for start in range(0, len(order) - batch + 1, batch):
            coming.append(pool.submit(draw, start))
            if len(coming) > _AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def targets_of(film: LabelledFilm) -> tuple[int, NDArray[np.float32], int]:
    """The appearance, findings and gate targets that a film's source supports."""
    appearance = film.label.split()[0] if film.source == "siim" else ""
    index = APPEARANCES.index(appearance) if appearance in APPEARANCES else UNLABELLED
    return index, _findings_of(film), _gate_of(film)


_JUDGED = ("normal", "COVID-19", "other pneumonia", "tuberculosis")
"""The findings that a label below says or excludes; of any other finding it says nothing."""

_PRESENT = {
    "normal": "normal",
    "COVID-19": "COVID-19",
    "pneumonia": "other pneumonia",
    "tuberculosis": "tuberculosis",
    "typical appearance": "COVID-19",
    "other": "other pneumonia",
    "negative for pneumonia": "",
    "indeterminate appearance": "",
    "atypical appearance": "",
    "ARDS": "",
}
"""The finding that films of a label have."""

_UNKNOWN = {
    "negative for pneumonia": ("normal",),
    "indeterminate appearance": ("COVID-19", "other pneumonia"),
    "atypical appearance": ("COVID-19", "other pneumonia"),
    "ARDS": ("other pneumonia",),
}
"""The findings that films of a label may have or not."""


def _findings_of(film: LabelledFilm) -> NDArray[np.float32]:
    """(findings,) 1, 0 or NaN, by what the film's publisher says."""
    label = {"No Finding": "normal", "ARDS": "ARDS"}.get(film.finding, "other") if film.label == "other" else film.label
    known = [name for name in _JUDGED if label in _PRESENT and name not in _UNKNOWN.get(label, ())]
    values = {name: float(name == _PRESENT[label]) for name in known}
    return np.array([values.get(name, np.nan) for name in FINDING_NAMES], np.float32)


def _gate_of(film: LabelledFilm) -> int:
    if film.label == "lateral":
        return GATE.index("lateral")
    return GATE.index("other" if film.group == "ood" else "upright")


def _boxes_of(film: LabelledFilm) -> tuple[Box, ...] | None:
    if film.boxes:
        return film.boxes
    return () if film.label in ("normal", "negative for pneumonia") else None


def _sample(teacher: Teacher, film: LabelledFilm) -> Sample | None:
    try:
        opened = open_film(film.path.read_bytes())
    except Refusal:
        return None
    pixels = (opened.pixels * 255).round().astype(np.uint8)
    appearance, findings, gate = targets_of(film)
    taught = teacher.teach(film, opened.pixels)
    return Sample(film.source, pixels, appearance, taught, findings, gate, _boxes_of(film))


def _opacity_map(boxes: tuple[Box, ...], shape: tuple[int, ...]) -> Grey:
    """(height, width) 255 in the middle of each box, half of it on the ellipse in the box, 0 in its corners.

    Opacities are round: a box's corners are mostly healthy lung, and its middle seldom is.
    """
    drawn = np.zeros(shape)
    rows, columns = ((np.arange(side) + 0.5) / side for side in shape)
    for x, y, w, h in boxes:
        down, across = (rows - y - h / 2) / (h / 2), (columns - x - w / 2) / (w / 2)
        drawn = np.maximum(drawn, 1.25 - 0.75 * (down[:, None] ** 2 + across**2))
    return (np.clip(drawn, 0, 1) * 255).round().astype(np.uint8)


Drawn = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], int, NDArray[np.float32]]


def _augmented(samples: list[Sample], index: int, size: int, rng: Random) -> Drawn:
    sample = samples[index]
    style = samples[int(rng.integers(len(samples)))]
    style = sample if style.gate == GATE.index("other") else style
    if rng.random() < _NOTHING:
        return _for_the_gate(draw_nothing(style.pixels, rng), size, GATE.index("other"))
    film, opacity = augment(sample.pixels, _opacity_map(sample.boxes or (), sample.pixels.shape), style.pixels, rng)
    if sample.gate == GATE.index("upright") and rng.random() < _TURNED:
        quarters = int(rng.integers(1, 4))
        return _for_the_gate(np.rot90(film, quarters), size, quarters)
    grid = _grid(opacity)
    if sample.boxes is None:
        grid = np.full_like(grid, np.nan)
    return square(film, size), sample.taught, sample.findings, sample.gate, grid


def _grid(opacity: Grey) -> NDArray[np.float32]:
    coarse = Image.fromarray(opacity).resize((MAP_GRID, MAP_GRID), Image.Resampling.BOX)
    return np.asarray(coarse, np.float32) / np.float32(255)


def _for_the_gate(film: Grey, size: int, gate: int) -> Drawn:
    """What teaches the gate alone, because it is never read as it lies."""
    silent = np.full(len(FINDING_NAMES), np.nan, np.float32)
    grid = np.full((MAP_GRID, MAP_GRID), np.nan, np.float32)
    return square(film, size), np.full(len(APPEARANCES), np.nan, np.float32), silent, gate, grid


def square(film: Grey, size: int) -> NDArray[np.float32]:
    """Preprocess a film in memory: (size, size) in [0, 1]."""
    return preprocess(film.astype(np.float32) / np.float32(255), size)


def _collate(drawn: list[Drawn]) -> Batch:
    films, appearance, findings, gate, opacity = zip(*drawn, strict=True)
    targets = Targets(
        torch.from_numpy(np.stack(appearance)),
        torch.from_numpy(np.stack(findings)),
        torch.tensor(gate),
        torch.from_numpy(np.stack(opacity)),
    )
    return Batch(torch.from_numpy(np.stack(films))[:, None], targets)
