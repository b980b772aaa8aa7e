"""Float32 to int8: NNCF on the ONNX graph, which OpenVINO and ONNX Runtime both read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lungwise.films import open_film
from lungwise.films.preprocess import preprocess
from lungwise.reading.runtime import OpenVino

if TYPE_CHECKING:
    import onnx

_TRUNK = ("/Conv2d", "/Mixed")
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
    """Take int8's mean error out of the appearance head, which decides: its bias moves by as much."""
    from onnx import numpy_helper

    before, after = (OpenVino(path) for path in (exact, int8))
    error = np.mean([_log_appearance(before, film) - _log_appearance(after, film) for film in squares], axis=0)
    bias = next(part for part in graph.graph.initializer if part.name == "network.appearance.bias")
    moved = numpy_helper.to_array(bias) + error.astype(np.float32)
    bias.CopyFrom(numpy_helper.from_array(moved, bias.name))


def _log_appearance(runtime: OpenVino, film: NDArray[np.float32]) -> NDArray[np.float64]:
    """(4,) logits up to a constant, which the softmax forgets."""
    return np.log(runtime.run(film)["appearance"].astype(np.float64) + 1e-9)
