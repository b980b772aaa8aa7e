"""Float32 to int8: NNCF on the ONNX graph, which OpenVINO and ONNX Runtime both read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungwise.films import open_film
from lungwise.films.preprocess import preprocess
from lungwise.training.onnx_file import HEADS, constants, head_logits, replace_constants

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
    _centre(exact, int8, [square(path)["film"][0, 0] for path in films])
    progress("quantising", 1, 1)


def _centre(exact: Path, int8: Path, squares: list[NDArray[np.float32]]) -> None:
    """Take int8's mean error out of the heads that decide: their biases move by as much."""
    before, after = (head_logits(path) for path in (exact, int8))
    errors = [[one - other for one, other in zip(before(film), after(film), strict=True)] for film in squares]
    names = [f"network.{head}.bias" for head in HEADS]
    moved = zip(constants(int8, names), (np.mean(part, axis=0) for part in zip(*errors, strict=True)), strict=True)
    replace_constants(int8, {name: bias + error for name, (bias, error) in zip(names, moved, strict=True)})
