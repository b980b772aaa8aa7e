from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lungwise.training.export_graph import fold_scaling
from lungwise.training.network import LungNet, Trunk, load_trunk

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def network() -> LungNet:
    torch.manual_seed(0)
    return LungNet().eval()


def test_the_trunk_is_inception_v3() -> None:
    """Szegedy et al. 2016: 94 convolutions; 21.8 million weights, less two unused stem channels."""
    trunk = Trunk()
    convolutions = [module for module in trunk.modules() if isinstance(module, torch.nn.Conv2d)]

    assert len(convolutions) == 94
    assert sum(parameter.numel() for parameter in trunk.parameters()) == 21_785_568 - 2 * 32 * 3 * 3


def test_the_stages_have_the_papers_grids() -> None:
    middle, last = Trunk().eval().stages(torch.zeros(1, 1, 299, 299))

    assert middle.shape == (1, 768, 17, 17)
    assert last.shape == (1, 2048, 8, 8)


def test_the_heads_have_their_shapes(network: LungNet) -> None:
    outputs = network(torch.rand(2, 1, 299, 299))

    assert [tuple(output.shape) for output in outputs] == [(2, 4), (2, 4), (2, 6), (2, 17, 17)]


def test_a_checkpoint_of_three_channels_reads_a_grey_film_as_before(tmp_path: Path) -> None:
    """Summed stem channels give what three equal ones gave."""
    weights = Trunk().state_dict()
    coloured = torch.randn(32, 3, 3, 3)
    save_file({**weights, "Conv2d_1a_3x3.conv.weight": coloured}, tmp_path / "trunk.safetensors")
    network = Trunk()

    load_trunk(network, tmp_path / "trunk.safetensors")

    film = torch.rand(1, 1, 75, 75)
    expected = torch.nn.functional.conv2d(film.repeat(1, 3, 1, 1), coloured, stride=2)
    torch.testing.assert_close(network.Conv2d_1a_3x3.conv(film), expected, rtol=1e-4, atol=1e-4)


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    save_file({"fc.weight": torch.zeros(3)}, tmp_path / "other.safetensors")

    with pytest.raises(ValueError, match="not an Inception V3 checkpoint"):
        load_trunk(Trunk(), tmp_path / "other.safetensors")


def test_folding_the_scaling_changes_nothing() -> None:
    torch.manual_seed(1)
    plain, folded = LungNet().eval(), LungNet().eval()
    folded.load_state_dict(plain.state_dict())
    film = torch.rand(1, 1, 75, 75)

    with torch.inference_mode():
        stem = plain.Conv2d_1a_3x3(film * 2 - 1)
        served = fold_scaling(folded).Conv2d_1a_3x3(film)

    torch.testing.assert_close(served, stem, rtol=1e-4, atol=1e-4)
