"""The file of an exported graph: what it holds is read, replaced, and asked for in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import openvino
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.calibrate import Scaling

Array = NDArray[np.float32]

HEADS = ("appearance", "findings")
"""The heads from which the probabilities are made, in the order of their rows."""


def constants(graph: Path, names: Sequence[str]) -> list[Array]:
    """Read constants by their names."""
    kept = {part.name: part for part in onnx.load(graph).graph.initializer}
    return [numpy_helper.to_array(kept[name]) for name in names]


def replace_constants(graph: Path, values: Mapping[str, Array]) -> None:
    """Put other values in the place of constants, by their names."""
    model = onnx.load(graph)
    for part in model.graph.initializer:
        if part.name in values:
            part.CopyFrom(numpy_helper.from_array(values[part.name].astype(np.float32), part.name))
    onnx.save(model, graph)


def write_scalings(graph: Path, scalings: Mapping[str, Scaling]) -> None:
    """Put in the scaling of each finding, by its name; one that is not given leaves its log odds as they are."""
    used = [scalings.get(name, Scaling()) for name in FINDING_NAMES]
    temperatures, offsets = [one.temperature for one in used], [one.offset for one in used]
    replace_constants(graph, {"temperatures": np.array(temperatures), "offsets": np.array(offsets)})


def without_rounding(int8: Path, exact: Path) -> None:
    """Write a graph of the same weights that rounds nothing in between."""
    model = onnx.load(int8)
    rounded = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    given = {
        node.output[0]: rounded[node.input[0]]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in rounded
    }
    left = [node for node in model.graph.node if node.output[0] not in {*rounded, *given}]
    for node in left:
        node.input[:] = [given.get(name, name) for name in node.input]
    del model.graph.node[:]
    model.graph.node.extend(left)
    onnx.save(model, exact)


def head_inputs(graph: Path) -> Callable[[Array], Array]:
    """Return what asks a graph for what it gives its heads of a film: (channels,)."""
    (given,) = {node.input[0] for node in onnx.load(graph).graph.node if node.name in map(_linear, HEADS)}
    ask = _asking(graph, [given])
    return lambda film: ask(film)[0]


def head_logits(graph: Path) -> Callable[[Array], list[Array]]:
    """Return what asks a graph for the logits of each of `HEADS`, before they are put together."""
    return _asking(graph, [f"{_linear(head)}_output_0" for head in HEADS])


def _linear(head: str) -> str:
    return f"/{head}/Gemm"


def _asking(graph: Path, names: Sequence[str]) -> Callable[[Array], list[Array]]:
    """Return what asks a graph for values in between, by their names, of a film (299, 299) in [0, 1]."""
    model = onnx.load(graph)
    model.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    request = compiled.create_infer_request()

    def ask(film: Array) -> list[Array]:
        request.infer({0: film[None, None]})
        return [request.get_tensor(name).data[0].copy() for name in names]

    return ask
