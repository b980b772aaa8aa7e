"""What is printed after each epoch: a quick look at `val`, never at `test` or `external`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from lungwise.reading.artefact import APPEARANCES, GATE
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.dataset import Sample, square
from lungwise.training.network import LungNet

_BATCH = 32


class Probabilities(NamedTuple):
    """What a network says of `n` films."""

    appearance: NDArray[np.float32]
    findings: NDArray[np.float32]
    gate: NDArray[np.float32]


@torch.inference_mode()
def predict(
    network: LungNet,
    films: list[Sample],
    size: int,
    precision: torch.dtype,
    progress: Callable[[int, int], None],
    *,
    mirrored: bool = False,
) -> Probabilities:
    """Ask a network of films in memory, or of their mirror images, on the network's own device.

    Parameters
    ----------
    progress
        Called with how many films are done, and of how many.
    """
    device = next(network.parameters()).device
    parts = []
    for start in range(0, len(films), _BATCH):
        squares = np.stack([square(film, size) for film in films[start : start + _BATCH]])
        batch = torch.from_numpy(squares[..., ::-1].copy() if mirrored else squares)[:, None].to(device)
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            outputs = network(batch.to(memory_format=torch.channels_last))
        logits = (outputs.appearance.float(), outputs.findings.float(), outputs.gate.float())
        progress(start + len(squares), len(films))
        parts.append((logits[0].softmax(1).cpu(), logits[1].sigmoid().cpu(), logits[2].softmax(1).cpu()))
    return Probabilities(*(torch.cat(part).numpy() for part in zip(*parts, strict=True)))


def validate(
    network: LungNet, samples: list[Sample], size: int, precision: torch.dtype, progress: Callable[[int, int], None]
) -> dict[str, float | None]:
    """AUCs on the validation films: SIIM typical and abnormal against negative, findings, gate.

    `progress` is called as by `predict`.
    """
    predicted = predict(network, samples, size, precision, progress)
    labels = np.array([sample.appearance for sample in samples])
    known = np.stack([sample.findings for sample in samples])
    return {
        **_appearance_metrics(predicted.appearance, labels),
        **_finding_metrics(predicted.findings, known),
        "gate accuracy": float((predicted.gate.argmax(1) == [sample.gate for sample in samples]).mean()),
        "frontal called other": float((predicted.gate[:, GATE.index("other")] > 0.5)[labels >= 0].mean()),
    }


def _appearance_metrics(probability: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, float | None]:
    negative, typical = APPEARANCES.index("negative"), APPEARANCES.index("typical")
    ratio = np.log(probability[:, typical]) - np.log(probability[:, negative])
    decided = np.isin(labels, (negative, typical))
    siim = labels >= 0
    return {
        "typical auc": _auc(labels[decided] == typical, ratio[decided]),
        "abnormal auc": _auc(labels[siim] != negative, -probability[siim, negative]),
    }


def _finding_metrics(probability: NDArray[np.float32], known: NDArray[np.float32]) -> dict[str, float | None]:
    metrics = {}
    for index, name in enumerate(FINDING_NAMES):
        labelled = ~np.isnan(known[:, index])
        metrics[f"{name} auc"] = _auc(known[labelled, index] == 1, probability[labelled, index])
    return metrics


def _auc(positive: NDArray[np.bool_], score: NDArray[np.float32]) -> float | None:
    """None where only one class is there, as in a small collection."""
    if positive.all() or not positive.any():
        return None
    return round(float(roc_auc_score(positive, score)), 4)
