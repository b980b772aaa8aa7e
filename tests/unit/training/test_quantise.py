from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lungwise.films import open_film
from lungwise.films.preprocess import preprocess
from lungwise.training.export_graph import ExportGraph, write_onnx
from lungwise.training.network import LungNet
from lungwise.training.quantise import HEADS, head_logits, is_quantised, quantise

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    ("node", "int8"),
    [
        ("/Conv2d_2b_3x3/conv/Conv", True),
        ("/Mixed_7c/branch_pool/conv/Conv", True),
        ("/Conv2d_1a_3x3/conv/Conv", False),
        ("/Conv2d_2a_3x3/conv/Conv", False),
        ("/appearance/Gemm", False),
    ],
)
def test_the_heads_and_the_first_two_convolutions_stay_exact(node: str, int8: bool) -> None:
    assert is_quantised(node) is int8


def test_int8_has_no_mean_error_in_the_heads_on_the_films_that_set_its_ranges(
    small_collection: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    exact, int8 = tmp_path / "exact.onnx", tmp_path / "int8.onnx"
    write_onnx(ExportGraph(LungNet()), exact)
    films = [small_collection.parent / f"{number}.png" for number in range(4)]
    said: list[str] = []

    quantise(exact, int8, films, lambda what, _done, _of: said.append(what))

    squares = [preprocess(open_film(path.read_bytes()).pixels) for path in films]
    asked = [(head_logits(exact)(square), head_logits(int8)(square)) for square in squares]
    for head in range(len(HEADS)):
        before, after = (np.mean([pair[graph][head] for pair in asked], axis=0) for graph in (0, 1))
        np.testing.assert_allclose(after, before, atol=1e-3)
    assert int8.stat().st_size < exact.stat().st_size / 3
    assert said == ["quantising", "quantising"]
