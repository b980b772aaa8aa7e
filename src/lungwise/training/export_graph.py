"""The network as it is exported: normalisation folded in, probabilities out."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from lungwise.films.preprocess import SIZE
from lungwise.reading.artefact import APPEARANCES, OUTPUTS
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.calibrate import Scaling
from lungwise.training.network import LungNet

HEAT_CONTRAST = 1.5
"""Power of the heat map over the probability of opacity: faint heat all over a film hides what stands out.
On `val` the share of the heat inside radiologists' boxes rises with it from 0.46 to 0.54 (docs/experiments/0003)."""


class ExportGraph(nn.Module):
    """One film in [0, 1] to the probabilities and the heat map that a Reading is made of.

    Parameters
    ----------
    network
        A trained network; it is changed: its stem learns to take [0, 1].
    scaling
        What makes the log odds of COVID-19 honest.
    """

    def __init__(self, network: LungNet, scaling: Scaling | None = None) -> None:
        super().__init__()
        self.network = fold_scaling(network.eval())
        self.scaling = scaling or Scaling()

    def forward(self, film: Tensor) -> tuple[Tensor, ...]:
        """(n, 1, 299, 299) to covid (n,), appearance, findings, gate, heat map (n, 17, 17)."""
        logits = self.network.read(*self.network.stages(film))
        odds = covid_log_odds(logits.appearance, logits.findings)
        covid = torch.sigmoid(odds / self.scaling.temperature + self.scaling.offset)
        probabilities = (logits.appearance.softmax(1), logits.findings.sigmoid(), logits.gate.softmax(1))
        return covid, *probabilities, logits.opacity.sigmoid() ** HEAT_CONTRAST


def covid_log_odds(appearance: Tensor, findings: Tensor) -> Tensor:
    """Log odds of COVID-19, (n, 4) and (n, 4) logits to (n,).

    The odds of the typical appearance against a negative or atypical film, less the odds of
    tuberculosis where that is likelier than not: other disease is atypical at most.
    """
    typical, negative, atypical = (
        appearance[:, APPEARANCES.index(name)] for name in ("typical", "negative", "atypical")
    )
    tuberculosis = findings[:, FINDING_NAMES.index("tuberculosis")]
    return typical - torch.stack((negative, atypical)).logsumexp(0) - torch.relu(tuberculosis)


def fold_scaling(network: LungNet) -> LungNet:
    """Fold `film * 2 - 1` into the stem.

    Exact, because the stem's convolution has no padding: conv(2x - 1) = 2 conv(x) - sum(w).
    """
    stem = network.Conv2d_1a_3x3
    with torch.no_grad():
        stem.bn.running_mean += stem.conv.weight.sum((1, 2, 3))  # type: ignore[operator]
        stem.conv.weight *= 2
    return network


def write_onnx(graph: ExportGraph, path: Path) -> None:
    """Write the float32 graph for one film at a time, opset 17."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's newer exporter needs onnxscript
        torch.onnx.export(
            graph,
            (torch.zeros(1, 1, SIZE, SIZE),),
            str(path),
            input_names=["film"],
            output_names=list(OUTPUTS),
            opset_version=17,
            dynamo=False,
        )
