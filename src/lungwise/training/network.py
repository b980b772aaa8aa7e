"""Inception V3 for chest films: one trunk, three heads and an opacity map.

The trunk follows Szegedy et al., "Rethinking the Inception Architecture for Computer
Vision" (CVPR 2016), with torchvision's module names, so that its public checkpoint and the
pretrained trunk load unchanged. The stem takes one grey channel: a checkpoint's three stem
channels are summed, which is what a grey film in three equal channels would have given.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Self

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from lungwise.reading.artefact import APPEARANCES, GATE
from lungwise.reading.findings import FINDING_NAMES

Pair = int | tuple[int, int]


class Outputs(NamedTuple):
    """What the network says of a batch of `n` films, as logits."""

    appearance: Tensor
    """(n, 4): the radiologists' COVID-19 appearance."""
    findings: Tensor
    """(n, findings): each of `FINDING_NAMES`."""
    gate: Tensor
    """(n, 6): upright frontal chest, the three turned ones, lateral, something else."""
    opacity: Tensor
    """(n, rows, columns): airspace opacity, cell by cell."""


class ConvBlock(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, size: Pair, stride: int = 1, padding: Pair = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class InceptionA(nn.Module):
    """35 x 35 stage: 1x1, 5x5, double 3x3 and pooling branches."""

    def __init__(self, inputs: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = ConvBlock(inputs, 64, 1)
        self.branch5x5_1 = ConvBlock(inputs, 48, 1)
        self.branch5x5_2 = ConvBlock(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = ConvBlock(inputs, 64, 1)
        self.branch3x3dbl_2 = ConvBlock(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvBlock(96, 96, 3, padding=1)
        self.branch_pool = ConvBlock(inputs, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.branch5x5_2(self.branch5x5_1(x))
        wide = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), narrow, wide, self.branch_pool(_mean3(x))], 1)


class InceptionB(nn.Module):
    """35 to 17: halves the grid."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = ConvBlock(inputs, 384, 3, stride=2)
        self.branch3x3dbl_1 = ConvBlock(inputs, 64, 1)
        self.branch3x3dbl_2 = ConvBlock(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvBlock(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class InceptionC(nn.Module):
    """17 x 17 stage: 7x7 convolutions factored into rows and columns."""

    def __init__(self, inputs: int, middle: int) -> None:
        super().__init__()
        row: dict[str, Pair] = {"size": (1, 7), "padding": (0, 3)}
        column: dict[str, Pair] = {"size": (7, 1), "padding": (3, 0)}
        self.branch1x1 = ConvBlock(inputs, 192, 1)
        self.branch7x7_1 = ConvBlock(inputs, middle, 1)
        self.branch7x7_2 = ConvBlock(middle, middle, **row)  # type: ignore[arg-type]
        self.branch7x7_3 = ConvBlock(middle, 192, **column)  # type: ignore[arg-type]
        self.branch7x7dbl_1 = ConvBlock(inputs, middle, 1)
        self.branch7x7dbl_2 = ConvBlock(middle, middle, **column)  # type: ignore[arg-type]
        self.branch7x7dbl_3 = ConvBlock(middle, middle, **row)  # type: ignore[arg-type]
        self.branch7x7dbl_4 = ConvBlock(middle, middle, **column)  # type: ignore[arg-type]
        self.branch7x7dbl_5 = ConvBlock(middle, 192, **row)  # type: ignore[arg-type]
        self.branch_pool = ConvBlock(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(_mean3(x))], 1)


class InceptionD(nn.Module):
    """17 to 8: halves the grid."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3_1 = ConvBlock(inputs, 192, 1)
        self.branch3x3_2 = ConvBlock(192, 320, 3, stride=2)
        self.branch7x7x3_1 = ConvBlock(inputs, 192, 1)
        self.branch7x7x3_2 = ConvBlock(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = ConvBlock(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = ConvBlock(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_2(self.branch7x7x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(seven))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, F.max_pool2d(x, 3, 2)], 1)


class InceptionE(nn.Module):
    """8 x 8 stage: widened outputs."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch1x1 = ConvBlock(inputs, 320, 1)
        self.branch3x3_1 = ConvBlock(inputs, 384, 1)
        self.branch3x3_2a = ConvBlock(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = ConvBlock(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = ConvBlock(inputs, 448, 1)
        self.branch3x3dbl_2 = ConvBlock(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = ConvBlock(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = ConvBlock(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = ConvBlock(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        parts = [self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(_mean3(x))]
        return torch.cat(parts, 1)


class Trunk(nn.Module):
    """Inception V3 without classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = ConvBlock(1, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = ConvBlock(32, 32, 3)
        self.Conv2d_2b_3x3 = ConvBlock(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = ConvBlock(64, 80, 1)
        self.Conv2d_4a_3x3 = ConvBlock(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = InceptionA(192, 32), InceptionA(256, 64), InceptionA(288, 64)
        self.Mixed_6a = InceptionB(288)
        self.Mixed_6b, self.Mixed_6c = InceptionC(768, 128), InceptionC(768, 160)
        self.Mixed_6d, self.Mixed_6e = InceptionC(768, 160), InceptionC(768, 192)
        self.Mixed_7a = InceptionD(768)
        self.Mixed_7b, self.Mixed_7c = InceptionE(1280), InceptionE(2048)

    def freeze_stem(self) -> None:
        """Keep the five plain convolutions as they are, their normalisation included."""
        for layer in self._stem():
            layer.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Switch between training and inference; a frozen stem stays in inference."""
        super().train(mode)
        for layer in self._stem():
            layer.train(mode and layer.conv.weight.requires_grad)
        return self

    def _stem(self) -> list[ConvBlock]:
        return [layer for layer in self.children() if isinstance(layer, ConvBlock)]

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 1, h, w) in [-1, 1] to the 17 x 17 (768 channels) and the 8 x 8 (2048 channels) stage."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, 2))))
        middle = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return middle, self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(middle)))


class LungNet(Trunk):
    """The trunk with its heads."""

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.opacity_middle = nn.Conv2d(768, 128, 1)
        self.opacity_last = nn.Conv2d(2048, 128, 1)
        self.opacity = nn.Conv2d(128, 1, 1)
        self.dropout = nn.Dropout(dropout)
        self.appearance = nn.Linear(2048 + 768, len(APPEARANCES))
        self.findings = nn.Linear(2048 + 768, len(FINDING_NAMES))
        self.gate = nn.Linear(2048, len(GATE))

    def forward(self, film: Tensor) -> Outputs:
        """(n, 1, h, w) in [0, 1] to logits."""
        return self.read(*self.stages(film * 2 - 1))

    def read(self, middle: Tensor, last: Tensor) -> Outputs:
        """What the heads make of the trunk's two last stages."""
        opacity = self._opacity(middle, last)
        pooled = last.mean((2, 3))
        kept = self.dropout(torch.cat([pooled, _attended(middle, opacity)], 1))
        return Outputs(self.appearance(kept), self.findings(kept), self.gate(pooled), opacity[:, 0])

    def _opacity(self, middle: Tensor, last: Tensor) -> Tensor:
        """The last stage knows what, the middle one knows where: (n, 1, 17, 17) logits."""
        size = (middle.shape[2], middle.shape[3])
        what = F.interpolate(self.opacity_last(last), size, mode="bilinear", align_corners=False)
        opacity: Tensor = self.opacity(F.relu(self.opacity_middle(middle) + what))
        return opacity


def load_trunk(network: Trunk, path: Path) -> None:
    """Load a torchvision-keyed checkpoint into the trunk, or a run's weights into all of the network.

    Heads that it does not hold are left as they are. A three-channel stem is summed to one channel.

    Raises
    ------
    ValueError
        If the checkpoint lacks a weight of the trunk.
    """
    given = {key: value.float() for key, value in load_file(path).items()}
    stem = "Conv2d_1a_3x3.conv.weight"
    if stem in given:
        given[stem] = given[stem].sum(1, keepdim=True)
    missing, _ = network.load_state_dict(given, strict=False)
    with torch.device("meta"):
        needed = Trunk().state_dict().keys()
    lost = [key for key in missing if key in needed and "num_batches" not in key]
    if lost:
        raise ValueError(f"{path} is not an Inception V3 checkpoint: it lacks {lost[0]} and {len(lost) - 1} more.")


def _mean3(x: Tensor) -> Tensor:
    pooled: Tensor = F.avg_pool2d(x, 3, 1, 1)
    return pooled


def _attended(middle: Tensor, opacity: Tensor) -> Tensor:
    """Mean of the middle stage where the opacity map points: (n, 768)."""
    weight = torch.sigmoid(opacity) + 1e-3
    attended: Tensor = (middle * weight).sum((2, 3)) / weight.sum((2, 3))
    return attended
