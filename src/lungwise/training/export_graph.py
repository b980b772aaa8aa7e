"""The network as it is exported: normalisation folded in, probabilities out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from lungwise.films.preprocess import SIZE
from lungwise.reading.artefact import OUTPUTS
from lungwise.reading.extent import HEAT_CONTRAST
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.calibrate import Scaling
from lungwise.training.log_odds import finding_log_odds
from lungwise.training.network import LungNet


class ExportGraph(nn.Module):
    """One film in [0, 1] to the probabilities and the heat map that a Reading is made of.

    Parameters
    ----------
    network
        A trained network; it is changed: its stem learns to take [0, 1].
    scalings
        What makes the log odds of each finding honest, by its name; by default they are left as they are.
    """

    def __init__(self, network: LungNet, scalings: Mapping[str, Scaling] = MappingProxyType({})) -> None:
        super().__init__()
        self.network = fold_scaling(network.eval())
        used = [scalings.get(name, Scaling()) for name in FINDING_NAMES]
        self.temperatures: Tensor
        self.offsets: Tensor
        self.register_buffer("temperatures", torch.tensor([one.temperature for one in used]))
        self.register_buffer("offsets", torch.tensor([one.offset for one in used]))

    def forward(self, film: Tensor) -> tuple[Tensor, ...]:
        """(n, 1, 299, 299) to covid (n,), appearance, findings, gate, heat map (n, 17, 17)."""
        logits = self.network.read(*self.network.stages(film))
        odds = finding_log_odds(logits.appearance, logits.findings)
        findings = torch.sigmoid(odds / self.temperatures + self.offsets)
        covid = findings[:, FINDING_NAMES.index("COVID-19")]
        probabilities = (logits.appearance.softmax(1), findings, logits.gate.softmax(1))
        return covid, *probabilities, logits.opacity.sigmoid() ** HEAT_CONTRAST


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
