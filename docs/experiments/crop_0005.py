"""Does a crop to the lungs help? Experiment 5, on `val` films alone.

python docs/experiments/crop_0005.py FILMS_CSV WEIGHTS

Learns to find lungs from the masks of `train` films, and prints how well it does on those of `val`; then asks the same
weights of `val` as it is, and cropped to the lungs with some margin around. Boxes move with the crop.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from measure_0004 import Numbers
from measure_0005 import Measure
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from lungwise.films import open_film
from lungwise.films.collection import Box, LabelledFilm, read_collection
from lungwise.films.preprocess import preprocess

SIDE, EPOCHS, BATCH = 96, 30, 8
MARGINS = (0.3, 0.15, 0.05)
"""Of the lungs' width and height, on each side."""


class Lungs(nn.Module):
    """A small U-Net (Ronneberger et al., MICCAI 2015)."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        sizes = [1, width, 2 * width, 4 * width, 4 * width]
        self.down = nn.ModuleList(_twice(a, b) for a, b in pairwise(sizes))
        self.up = nn.ModuleList(_twice(a + b, b) for a, b in zip(sizes[:1:-1], sizes[-2:0:-1], strict=True))
        self.out = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, side, side) in [0, 1] to logits of the same shape."""
        seen = []
        for block in self.down:
            x = block(F.max_pool2d(x, 2) if seen else x)
            seen.append(x)
        for block, beside in zip(self.up, reversed(seen[:-1]), strict=True):
            x = block(torch.cat([F.interpolate(x, beside.shape[2:], mode="bilinear"), beside], 1))
        logits: Tensor = self.out(x)
        return logits


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for size in (inputs, outputs):
        layers += [nn.Conv2d(size, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def masked(films: list[LabelledFilm], masks: Path, split: str) -> tuple[Tensor, Tensor]:
    """Films of a split that have a mask, and the masks: (n, 1, side, side) each."""
    chosen = [film for film in films if film.split == split and (masks / f"{film.path.stem}.png").exists()]
    squares = [preprocess(open_film(film.path.read_bytes()).pixels, SIDE) for film in chosen]
    drawn = [Image.open(masks / f"{film.path.stem}.png").convert("L").resize((SIDE, SIDE)) for film in chosen]
    aims = np.stack([np.asarray(mask, np.float32) / np.float32(255) for mask in drawn])
    return torch.from_numpy(np.stack(squares))[:, None], torch.from_numpy(aims)[:, None]


def learn(films: Tensor, masks: Tensor) -> Lungs:
    """Train on films that are mirrored, scaled and shaded by lot."""
    torch.manual_seed(5)
    network = Lungs()
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=EPOCHS * (len(films) // BATCH))
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(films))[: len(films) // BATCH * BATCH].view(-1, BATCH):
            x, aim = _changed(films[rows], masks[rows])
            optimiser.zero_grad()
            F.binary_cross_entropy_with_logits(network(x), aim).backward()
            optimiser.step()
            schedule.step()
    return network.eval()


def _changed(films: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    scale, shift = 0.7 + 0.6 * torch.rand(len(films), 2), 0.3 * torch.rand(len(films), 2) - 0.15
    matrix = torch.zeros(len(films), 2, 3)
    matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, :, 2] = (
        scale[:, 0] * (1 - 2 * (torch.rand(1) < 0.5)),
        scale[:, 1],
        shift,
    )
    grid = F.affine_grid(matrix, list(films.shape), align_corners=False)
    moved, aim = (F.grid_sample(part, grid, align_corners=False) for part in (films, masks))
    return moved ** (0.6 + torch.rand(len(films), 1, 1, 1)), aim


@torch.inference_mode()
def found(network: Lungs, pixels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(side, side) where the lungs are."""
    lungs: NDArray[np.bool_] = (network(torch.from_numpy(preprocess(pixels, SIDE))[None, None])[0, 0] > 0).numpy()
    return lungs


def around(lungs: NDArray[np.bool_], margin: float) -> Box:
    """The lungs' box with a margin, as fractions of the film: left, top, width, height; all of it where none are."""
    if lungs.mean() < 0.05:
        return 0.0, 0.0, 1.0, 1.0
    ends = [np.quantile(places, (0.005, 0.995)) / SIDE for places in np.nonzero(lungs)]
    (top, bottom), (left, right) = ((low - margin * (high - low), high + margin * (high - low)) for low, high in ends)
    left, top, right, bottom = np.clip((left, top, right, bottom), 0, 1)
    return float(left), float(top), float(right - left), float(bottom - top)


def cropped(pixels: NDArray[np.float32], crop: Box) -> NDArray[np.float32]:
    """That part of a film."""
    (height, width), (x, y, w, h) = pixels.shape, crop
    return pixels[int(y * height) : round((y + h) * height), int(x * width) : round((x + w) * width)]


def _moved(box: Box, crop: Box) -> Box:
    (x, y, w, h), (left, top, width, height) = box, crop
    return (x - left) / width, (y - top) / height, w / width, h / height


def main(table: Path, weights: Path) -> None:
    """Print the lungs' Dice, and the table."""
    films = read_collection(table)
    network = learn(*masked(films, table.parent / "lungs", "train"))
    squares, masks = masked(films, table.parent / "lungs", "val")
    with torch.inference_mode():
        said = network(squares) > 0
    dice = 2 * (said & (masks > 0.5)).sum((1, 2, 3)) / (said.sum((1, 2, 3)) + (masks > 0.5).sum((1, 2, 3)))
    print(f"Dice on {len(masks)} val films: {dice.mean():.3f}, lowest {dice.min():.3f}", flush=True)  # noqa: T201
    measure, given = Measure(films), load_file(weights)
    print(f"as they are: {measure.said(given)}", flush=True)  # noqa: T201
    lungs = [found(network, pixels) for pixels in measure.pixels]
    whole, places = measure.pixels, measure.films
    for margin in MARGINS:
        crops = [around(one, margin) for one in lungs]
        measure.pixels = [cropped(pixels, crop) for pixels, crop in zip(whole, crops, strict=True)]
        measure.films = [
            replace(film, boxes=tuple(_moved(box, crop) for box in film.boxes))
            for film, crop in zip(places, crops, strict=True)
        ]
        share: Numbers = np.array([w * h for _, _, w, h in crops])
        print(f"margin {margin}, {share.mean():.0%} of the film: {measure.said(given)}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
