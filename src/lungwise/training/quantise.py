"""Float32 to int8: NNCF on the ONNX graph, which OpenVINO and ONNX Runtime both read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lungwise.films import open_film
from lungwise.films.preprocess import preprocess

if TYPE_CHECKING:
    import onnx

_TRUNK = ("/Conv2d", "/Mixed")
HEADS = ("appearance", "findings")
"""The heads from which the probabilities are made."""

_EXACT = ("/Conv2d_1a", "/Conv2d_2a")


def is_quantised(node: str) -> bool:
    """Whether a node of the graph is put into int8: the trunk but for its first two convolutions.

    The heads cost nothing in float32. The first two convolutions see few channels of very
    different range: in int8 they alone make most of the whole network's error.
    """
    return node.startswith(_TRUNK) and not node.startswith(_EXACT)


def quantise(exact: Path, int8: Path, films: list[Path], progress: Callable[[str, int, int], None]) -> None:
    """Quantise with quantise-dequantise pairs around weights and activations.

    Parameters
    ----------
    exact
        The float32 graph.
    int8
        Where the quantised one goes.
    films
        Real training films: their activations set the ranges.
    """
    import nncf
    import onnx

    def square(path: Path) -> dict[str, NDArray[np.float32]]:
        return {"film": preprocess(open_film(path.read_bytes()).pixels)[None, None]}

    progress("quantising", 0, 1)
    graph = onnx.load(exact)
    kept = [node.name for node in graph.graph.node if not is_quantised(node.name)]
    graph = nncf.quantize(
        graph,
        nncf.Dataset(films, square),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(films),
        ignored_scope=nncf.IgnoredScope(names=kept),
    )
    onnx.save(graph, int8)
    _centre(graph, exact, int8, [square(path)["film"][0, 0] for path in films])
    onnx.save(graph, int8)
    progress("quantising", 1, 1)


def _centre(graph: onnx.ModelProto, exact: Path, int8: Path, squares: list[NDArray[np.float32]]) -> None:
    """Take int8's mean error out of the heads that decide: their biases move by as much."""
    from onnx import numpy_helper

    before, after = (head_logits(path) for path in (exact, int8))
    errors = [[one - other for one, other in zip(before(film), after(film), strict=True)] for film in squares]
    for head, error in zip(HEADS, (np.mean(part, axis=0) for part in zip(*errors, strict=True)), strict=True):
        bias = next(part for part in graph.graph.initializer if part.name == f"network.{head}.bias")
        moved = numpy_helper.to_array(bias) + error.astype(np.float32)
        bias.CopyFrom(numpy_helper.from_array(moved, bias.name))


def head_logits(onnx: Path) -> Callable[[NDArray[np.float32]], list[NDArray[np.float64]]]:
    """Return what asks a graph for the logits of each of `HEADS`, before they are put together."""
    import openvino

    core = openvino.Core()
    graph = core.read_model(str(onnx))
    ordered = graph.get_ordered_ops()
    for head in HEADS:
        last = [op for op in ordered if op.get_friendly_name().startswith(f"/{head}/")][-1]
        graph.add_outputs([last.output(0)])
    compiled = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    outputs = range(len(graph.outputs) - len(HEADS), len(graph.outputs))

    def logits(film: NDArray[np.float32]) -> list[NDArray[np.float64]]:
        answer = request.infer({0: film[None, None]})
        return [answer[output][0].astype(np.float64) for output in outputs]

    return logits
