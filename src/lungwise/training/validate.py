"""What is printed after each epoch: a quick look at `val`, never at `test` or `external`."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from lungwise.films.collection import LabelledFilm
from lungwise.reading.artefact import APPEARANCES, GATE
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.dataset import load_samples, square
from lungwise.training.network import LungNet

_BATCH = 32


@torch.inference_mode()
def validate(network: LungNet, films: list[LabelledFilm], size: int) -> dict[str, float | None]:
    """AUCs on the validation films: SIIM typical and abnormal against negative, findings, gate."""
    samples = load_samples(films)
    appearance, findings, gate = [], [], []
    for start in range(0, len(samples), _BATCH):
        squares = [square(sample.pixels, size) for sample in samples[start : start + _BATCH]]
        with torch.autocast("cpu", torch.bfloat16):
            outputs = network(torch.from_numpy(np.stack(squares))[:, None].to(memory_format=torch.channels_last))
        appearance.append(outputs.appearance.float().softmax(1).numpy())
        findings.append(outputs.findings.float().numpy())
        gate.append(outputs.gate.float().softmax(1).numpy())
    labels = np.array([sample.appearance for sample in samples])
    known = np.stack([sample.findings for sample in samples])
    return {
        **_appearance_metrics(np.concatenate(appearance), labels),
        **_finding_metrics(np.concatenate(findings), known),
        "gate accuracy": float((np.concatenate(gate).argmax(1) == [s.gate for s in samples]).mean()),
        "frontal called other": float((np.concatenate(gate)[:, len(GATE) - 1] > 0.5)[labels >= 0].mean()),
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


def _finding_metrics(logits: NDArray[np.float32], known: NDArray[np.float32]) -> dict[str, float | None]:
    metrics = {}
    for index, name in enumerate(FINDING_NAMES):
        said = ~np.isnan(known[:, index])
        metrics[f"{name} auc"] = _auc(known[said, index] == 1, logits[said, index])
    return metrics


def _auc(positive: NDArray[np.bool_], score: NDArray[np.float32]) -> float | None:
    """None where only one class is there, as in a small collection."""
    if positive.all() or not positive.any():
        return None
    return round(float(roc_auc_score(positive, score)), 4)
