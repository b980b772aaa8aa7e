from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lungwise.reading.runtime import OnnxRuntime, OpenVino
from lungwise.training.calibrate import Scaling
from lungwise.training.export_graph import HEAT_CONTRAST, ExportGraph, covid_log_odds, write_onnx
from lungwise.training.network import LungNet

pytestmark = pytest.mark.training


def test_likely_tuberculosis_takes_from_the_odds_of_covid_and_unlikely_does_not() -> None:
    appearance = torch.tensor([[0.5, 2.0, 0.0, -30.0]]).repeat(2, 1)
    findings = torch.tensor([[0.0, 0.0, -3.0, -3.0], [0.0, 0.0, -3.0, 3.0]])

    assert covid_log_odds(appearance, findings).tolist() == [1.5, -1.5]


def test_an_atypical_film_is_no_more_covid_than_a_negative_one() -> None:
    appearance = torch.tensor([[0.0, 2.0, 0.0, -30.0], [-30.0, 2.0, 0.0, 0.0]])
    unlikely = torch.full((2, 4), -3.0)

    assert covid_log_odds(appearance, unlikely).tolist() == [2.0, 2.0]


def test_the_graph_says_what_the_network_says(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = LungNet().eval()
    film = torch.rand(1, 1, 299, 299)
    with torch.inference_mode():
        said = network(film)
        ratio = covid_log_odds(said.appearance, said.findings)[0]

    write_onnx(ExportGraph(network, Scaling(temperature=2.0, offset=0.3)), tmp_path / "graph.onnx")

    square = film[0, 0].numpy()
    for runtime in (OpenVino(tmp_path / "graph.onnx"), OnnxRuntime(tmp_path / "graph.onnx")):
        outputs = runtime.run(square)
        assert float(outputs["covid"]) == pytest.approx(float(torch.sigmoid(ratio / 2 + 0.3)), abs=1e-4)
        np.testing.assert_allclose(outputs["appearance"], said.appearance[0].softmax(0), atol=1e-4)
        np.testing.assert_allclose(outputs["findings"], said.findings[0].sigmoid(), atol=1e-4)
        np.testing.assert_allclose(outputs["heat_map"], said.opacity[0].sigmoid() ** HEAT_CONTRAST, atol=1e-4)
