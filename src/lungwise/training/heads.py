"""The two heads that decide, fitted once more on what the finished network sees.

While a trunk learns, its heads run after it, on films that augmentation has changed. Once it stands, what they should
say of the films as they are is a convex question with one answer. It is asked of the network in int8, so that the heads
know its rounding too (docs/experiments/0016).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lungwise.films import Refusal, open_film
from lungwise.films.collection import LabelledFilm
from lungwise.films.preprocess import preprocess
from lungwise.reading.artefact import APPEARANCES
from lungwise.training.dataset import share_of
from lungwise.training.fit import Progress
from lungwise.training.labels import SoftLabels
from lungwise.training.onnx_file import HEADS, constants, head_inputs, replace_constants
from lungwise.training.recipe import Recipe

_STEPS = 60
"""Of L-BFGS; it has settled long before."""

Array = NDArray[np.float32]


class Heads(NamedTuple):
    """Both linear heads, one below the other: the appearances, then the findings."""

    weight: Array
    """(appearances + findings, channels)."""
    bias: Array
    """(appearances + findings,)."""


class Lesson(NamedTuple):
    """What is to be said of `n` films that the network has seen."""

    pooled: Tensor
    """(n, channels) what the heads are given of each film."""
    appearance: Tensor
    """(n, appearances) probabilities, NaN where nothing is known."""
    findings: Tensor
    """(n, findings) probabilities, NaN where nothing is known."""
    share: Tensor
    """(n,) how often each film is seen in an epoch."""


def fit_heads(
    graph: Path, films: Sequence[LabelledFilm], labels: SoftLabels, recipe: Recipe, progress: Progress
) -> None:
    """Fit the heads of an exported graph anew on the `train` films, and write them into it.

    Parameters
    ----------
    graph
        As `write_onnx` or `quantise` made it.
    films
        The collection; only chest films of `train` count.
    recipe
        Its shares of the sources, and what holds the heads back.

    Raises
    ------
    ValueError
        If the recipe holds no heads back.
    """
    if recipe.heads_decay is None:
        raise ValueError(f"The recipe {recipe.name} fits no heads: it has no heads_decay.")
    chest = [film for film in films if film.split == "train" and film.group != "ood"]
    write_heads(graph, fitted(read_heads(graph), _lesson(graph, chest, labels, recipe, progress), recipe.heads_decay))


def fitted(trained: Heads, lesson: Lesson, decay: float) -> Heads:
    """Return the heads that say best what is known, and differ from the trained ones no more than it is worth.

    The channels are counted in their standard deviations, so that a large one is not free to be used.
    """
    mean, spread = lesson.pooled.mean(0), lesson.pooled.std(0) + 1e-3
    seen = (lesson.pooled - mean) / spread
    weight, bias = torch.from_numpy(trained.weight), torch.from_numpy(trained.bias)
    said = lesson.pooled @ weight.T + bias
    change = torch.zeros_like(weight, requires_grad=True)
    shift = torch.zeros_like(bias, requires_grad=True)
    optimiser = torch.optim.LBFGS([change, shift], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits = said + seen @ change.T + shift
        total = _loss(logits, lesson) + 0.5 * decay * change.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    moved = change.detach() / spread
    return Heads((weight + moved).numpy(), (bias + shift.detach() - moved @ mean).numpy())


def read_heads(graph: Path) -> Heads:
    """Read the heads of an exported graph."""
    weight, bias = (np.concatenate(constants(graph, _names(part))) for part in ("weight", "bias"))
    return Heads(weight, bias)


def write_heads(graph: Path, heads: Heads) -> None:
    """Write heads into an exported graph."""
    values: dict[str, Array] = {}
    for part, rows in zip(("weight", "bias"), heads, strict=True):
        values |= dict(zip(_names(part), np.split(rows, [len(APPEARANCES)]), strict=True))
    replace_constants(graph, values)


def _names(part: str) -> list[str]:
    return [f"network.{head}.{part}" for head in HEADS]


def _lesson(
    graph: Path, films: Sequence[LabelledFilm], labels: SoftLabels, recipe: Recipe, progress: Progress
) -> Lesson:
    """Show the network each film; what would be refused as a file is left out."""
    pooled = head_inputs(graph)
    seen: list[Array] = []
    known: list[tuple[Array, Array, float]] = []
    for done, film in enumerate(films, start=1):
        with contextlib.suppress(Refusal):
            seen.append(pooled(preprocess(open_film(film.path.read_bytes()).pixels)))
            share = share_of(film.source, film.label, recipe.share)
            known.append((labels.appearance(film), labels.findings(film), share))
        progress("fitting the heads", done, len(films))
    parts = (torch.from_numpy(np.array(part, np.float32)) for part in zip(*known, strict=True))
    return Lesson(torch.from_numpy(np.stack(seen)), *parts)


def _loss(logits: Tensor, lesson: Lesson) -> Tensor:
    """Mean cross entropy of the appearance, and of each finding; what is not known counts nothing."""
    appearances = lesson.appearance.shape[1]
    known = ~lesson.appearance.isnan().any(1)
    crossed = -(lesson.appearance.nan_to_num() * logits[:, :appearances].log_softmax(1)).sum(1)
    said = ~lesson.findings.isnan()
    missed = F.binary_cross_entropy_with_logits(logits[:, appearances:], lesson.findings.nan_to_num(), reduction="none")
    return _mean(crossed, known * lesson.share) + _mean(missed, said * lesson.share[:, None]) * said.shape[1]


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1e-6)
