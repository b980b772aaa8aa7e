from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lungwise.reading.extent import HEAT_CONTRAST
from lungwise.reading.runtime import OnnxRuntime, OpenVino
from lungwise.training.calibrate import Scaling
from lungwise.training.export_graph import ExportGraph, write_onnx
from lungwise.training.log_odds import finding_log_odds
from lungwise.training.network import LungNet

pytestmark = pytest.mark.training


def test_the_graph_says_what_the_network_says(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = LungNet().eval()
    film = torch.rand(1, 1, 299, 299)
    with torch.inference_mode():
        said = network(film)
        odds = finding_log_odds(said.appearance, said.findings)[0]

    write_onnx(ExportGraph(network, {"COVID-19": Scaling(temperature=2.0, offset=0.3)}), tmp_path / "graph.onnx")

    square = film[0, 0].numpy()
    for runtime in (OpenVino(tmp_path / "graph.onnx"), OnnxRuntime(tmp_path / "graph.onnx")):
        outputs = runtime.run(square)
        normal, covid, *_ = outputs["findings"].tolist()
        assert covid == float(outputs["covid"]) == pytest.approx(float(torch.sigmoid(odds[1] / 2 + 0.3)), abs=1e-4)
        assert normal == pytest.approx(float(torch.sigmoid(odds[0])), abs=1e-4)
        np.testing.assert_allclose(outputs["appearance"], said.appearance[0].softmax(0), atol=1e-4)
        np.testing.assert_allclose(outputs["heat_map"], said.opacity[0].sigmoid() ** HEAT_CONTRAST, atol=1e-4)
