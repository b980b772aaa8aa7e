from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from lungwise.films.preprocess import SIZE
from lungwise.reading import load_artefact
from lungwise.reading.artefact import APPEARANCES, GATE
from lungwise.reading.findings import FINDING_NAMES
from lungwise.reading.runtime import OnnxRuntime, OpenVino


@pytest.fixture(scope="module")
def squares() -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    return [np.full((SIZE, SIZE), level, np.float32) * rng.random((SIZE, SIZE), np.float32) for level in (0.3, 0.6, 1)]


@pytest.fixture(scope="module")
def openvino() -> OpenVino:
    return OpenVino(load_artefact().onnx)


def test_the_outputs_have_their_shapes_and_are_probabilities(
    openvino: OpenVino, squares: list[NDArray[np.float32]]
) -> None:
    outputs = openvino.run(squares[0])

    shapes = {name: value.shape for name, value in outputs.items()}
    assert shapes == {
        "covid": (),
        "appearance": (len(APPEARANCES),),
        "findings": (len(FINDING_NAMES),),
        "gate": (len(GATE),),
        "heat_map": (17, 17),
    }
    assert outputs["appearance"].sum() == pytest.approx(1, abs=1e-4)
    assert outputs["gate"].sum() == pytest.approx(1, abs=1e-4)
    assert all(value.min() >= 0 and value.max() <= 1 for value in outputs.values())


def test_many_threads_get_what_one_gets(openvino: OpenVino, squares: list[NDArray[np.float32]]) -> None:
    alone = [openvino.run(square)["heat_map"] for square in squares]
    streams = OpenVino(load_artefact().onnx, streams=2)

    with ThreadPoolExecutor(8) as pool:
        shared = list(pool.map(lambda i: streams.run(squares[i % 3])["heat_map"], range(24)))

    for index, heat in enumerate(shared):
        np.testing.assert_allclose(heat, alone[index % 3], atol=1e-3)


AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from lungwise.reading import load_artefact
from lungwise.reading.runtime import OpenVino
runtime = OpenVino(load_artefact().onnx, streams=2)
with ThreadPoolExecutor(8) as pool:
    print(len(list(pool.map(runtime.run, [np.zeros((299, 299), np.float32)] * 16))))
"""


@pytest.mark.parametrize("attempt", range(4))
def test_the_first_films_of_a_process_may_come_at_once(attempt: int) -> None:
    """Without the first empty film this hangs now and then."""
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "16"


def test_the_second_runtime_agrees(openvino: OpenVino, squares: list[NDArray[np.float32]]) -> None:
    other = OnnxRuntime(load_artefact().onnx)

    for square in squares:
        first, second = openvino.run(square), other.run(square)
        assert abs(float(first["covid"]) - float(second["covid"])) < 0.05
        np.testing.assert_allclose(first["gate"], second["gate"], atol=0.05)
