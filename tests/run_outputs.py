"""What the network of a run folder says of films, for benchmarks that choose before anything is exported."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from lungwise.cli.progress import counted
from lungwise.films import Refusal, open_film
from lungwise.films.collection import LabelledFilm
from lungwise.films.preprocess import preprocess
from lungwise.training.export import trained_network
from lungwise.training.export_graph import fold_scaling


def outputs_of(run: Path, asked: Sequence[LabelledFilm]) -> tuple[list[LabelledFilm], Tensor, Tensor]:
    """Read films with a run's float32 weights.

    Returns
    -------
    The films that are not refused as files, and of each its logits: (n, appearances) and (n, findings).
    """
    network = fold_scaling(trained_network(run).eval())
    films, appearance, findings = [], [], []
    for film in counted(asked, "reading", len(asked)):
        with suppress(Refusal), torch.inference_mode():
            pixels = torch.as_tensor(preprocess(open_film(film.path.read_bytes()).pixels), dtype=torch.float32)
            said = network.read(*network.stages(pixels.reshape(1, 1, *pixels.shape[-2:])))
            films.append(film)
            appearance.append(said.appearance)
            findings.append(said.findings)
    return films, torch.cat(appearance), torch.cat(findings)
