"""Two runtimes for one ONNX file: OpenVINO, and ONNX Runtime to cross-check it.

Build a runtime in the process that uses it: a session must not be made before a server forks.
Both may be called from many threads.
"""

from __future__ import annotations

import os
from pathlib import Path
from queue import LifoQueue
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lungwise.films.preprocess import SIZE
from lungwise.reading.artefact import OUTPUTS

Outputs = dict[str, NDArray[np.float32]]
"""The graph's outputs by name, each for one film, without the batch axis."""


_FIRST = Lock()
"""OpenVINO deadlocks when the first films of a process come in two threads at once: its C++ side
makes a table on first use, waiting for Python's lock while another thread holds that lock and
waits for the table. So each runtime runs one empty film before anyone else may."""


class Runtime(Protocol):
    """Runs the network on one preprocessed film."""

    def run(self, square: NDArray[np.float32]) -> Outputs:
        """Return the outputs for one (size, size) film in [0, 1]."""
        ...


class OpenVino:
    """OpenVINO on the CPU, precision pinned so that machines differ in the order of additions alone.

    Parameters
    ----------
    onnx
        The model file.
    streams
        Films read at the same time, each on one core, which gives the most films a second; by default one
        at a time on all cores, which is fastest for a single film.
    """

    def __init__(self, onnx: Path, streams: int | None = None) -> None:
        import openvino

        settings: dict[str, str | int] = {
            "INFERENCE_PRECISION_HINT": "f32",
            "NUM_STREAMS": streams or 1,
            "INFERENCE_NUM_THREADS": streams or cores(),
            "ENABLE_CPU_PINNING": "NO",  # else every process that reads binds itself to the same first core
        }
        model = openvino.Core().compile_model(str(onnx), "CPU", settings)
        self._free: LifoQueue[openvino.InferRequest] = LifoQueue()
        for _ in range(streams or 1):
            self._free.put(model.create_infer_request())
        with _FIRST:
            self.run(np.zeros((SIZE, SIZE), np.float32))

    def run(self, square: NDArray[np.float32]) -> Outputs:
        """Return the outputs for one (size, size) film in [0, 1]; waits for a free stream."""
        request = self._free.get()
        try:
            results = request.infer({0: square[None, None]}, share_inputs=True)
            return {name: results[i][0].copy() for i, name in enumerate(OUTPUTS)}
        finally:
            self._free.put(request)


class OnnxRuntime:
    """ONNX Runtime on the CPU; needs the extra `onnxruntime`."""

    def __init__(self, onnx: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores()
        self._session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])

    def run(self, square: NDArray[np.float32]) -> Outputs:
        """Return the outputs for one (size, size) film in [0, 1]."""
        outputs = self._session.run(list(OUTPUTS), {"film": square[None, None]})
        return {name: output[0] for name, output in zip(OUTPUTS, outputs, strict=True)}


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
