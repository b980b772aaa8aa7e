from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lungwise.films.collection import read_collection
from lungwise.reading.artefact import Thresholds
from lungwise.reading.runtime import OnnxRuntime, OpenVino
from lungwise.training.calibrate import Scaling
from lungwise.training.export import Validation, WorseInt8, compare, export, trained_network
from lungwise.training.export_graph import HEAT_CONTRAST, Serving, covid_log_odds, write_onnx
from lungwise.training.fit import Run
from lungwise.training.network import LungNet
from lungwise.training.recipe import read_recipe

pytestmark = pytest.mark.training

LIMITS = Thresholds(0.3, 0.7)


def validation(shift: float = 0.0) -> Validation:
    rng = np.random.default_rng(0)
    positive = np.arange(500) < 250
    probability = np.clip(np.where(positive, rng.beta(5, 2, 500), rng.beta(2, 5, 500)) + shift, 0, 1)
    return Validation(probability, positive)


def test_an_equal_int8_network_passes() -> None:
    assert compare(validation(), validation(), LIMITS)["verdicts_flipped"] == 0


def test_an_int8_network_that_flips_verdicts_is_not_shipped() -> None:
    with pytest.raises(WorseInt8):
        compare(validation(), validation(shift=0.05), LIMITS)


def test_an_int8_network_that_loses_accuracy_is_not_shipped() -> None:
    exact = validation()
    worse = Validation(np.where(np.arange(500) % 50 == 0, 1 - exact.probability, exact.probability), exact.positive)

    with pytest.raises(WorseInt8):
        compare(exact, worse, LIMITS)


def test_likely_tuberculosis_takes_from_the_odds_of_covid_and_unlikely_does_not() -> None:
    appearance = torch.tensor([[0.5, 2.0, 0.0, -30.0]]).repeat(2, 1)
    findings = torch.tensor([[0.0, 0.0, -3.0, -3.0], [0.0, 0.0, -3.0, 3.0]])

    assert covid_log_odds(appearance, findings).tolist() == [1.5, -1.5]


def test_the_mean_of_runs_lies_between_them(tmp_path: Path) -> None:
    runs = []
    for seed in range(3):
        torch.manual_seed(seed)
        runs.append(LungNet().state_dict())
        (tmp_path / str(seed)).mkdir()
        save_file(runs[-1], tmp_path / str(seed) / "weights.safetensors")

    mean = trained_network(tmp_path / "0", [tmp_path / "1", tmp_path / "2"]).state_dict()

    torch.testing.assert_close(mean["gate.weight"], sum(run["gate.weight"] for run in runs) / 3)
    alone = trained_network(tmp_path / "0").state_dict()
    torch.testing.assert_close(alone["gate.weight"], runs[0]["gate.weight"])


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

    write_onnx(Serving(network, Scaling(2.0, 0.3)), tmp_path / "graph.onnx")

    square = film[0, 0].numpy()
    for runtime in (OpenVino(tmp_path / "graph.onnx"), OnnxRuntime(tmp_path / "graph.onnx")):
        outputs = runtime.run(square)
        assert float(outputs["covid"]) == pytest.approx(float(torch.sigmoid(ratio / 2 + 0.3)), abs=1e-4)
        np.testing.assert_allclose(outputs["appearance"], said.appearance[0].softmax(0), atol=1e-4)
        np.testing.assert_allclose(outputs["findings"], said.findings[0].sigmoid(), atol=1e-4)
        np.testing.assert_allclose(outputs["heat_map"], said.opacity[0].sigmoid() ** HEAT_CONTRAST, atol=1e-4)


def test_a_network_that_does_not_survive_int8_leaves_the_artefact_that_is_there(
    small_collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a bound that no network meets."""
    monkeypatch.setattr("lungwise.training.export.FLIPS", -1.0)
    films = read_collection(small_collection)
    run = Run(read_recipe("inception_v3"), tmp_path / "run")
    run.start(None, films)
    run.save()
    there = tmp_path / "weights"
    there.mkdir()
    (there / "card.json").write_text("the one before")

    with pytest.raises(WorseInt8):
        export(tmp_path / "run", films, "9.9.9", there, lambda *_: None)

    assert [path.name for path in there.iterdir()] == ["card.json"]
    assert (there / "card.json").read_text() == "the one before"
