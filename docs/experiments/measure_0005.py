"""The table of experiment 5, on `val` films alone: each run of `train_0005.py`, and means of them.

python docs/experiments/measure_0005.py FILMS_CSV OUTPUT    # as they were given to train_0005.py

Prints the start, each run and the mean of all (Wortsman et al., ICML 2022), and writes that mean to
OUTPUT/soup.safetensors. Folders of further runs that lie in OUTPUT are measured too, and are in no mean. Computed in
bfloat16, as the training was.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from measure_0004 import OTHERS, Numbers, _auc, _spot
from safetensors.torch import load_file, save_file
from torch import Tensor

from lungwise.evaluation.localisation import energy_inside, points_inside
from lungwise.films import open_film
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.films.preprocess import preprocess
from lungwise.training.export import trained_network
from lungwise.training.export_graph import HEAT_CONTRAST, covid_log_odds
from lungwise.training.network import LungNet, Outputs

SOUP = ("start", "pointing", "mixup", "adverse", "larger")
_BATCH = 32
Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Said:
    """What one set of weights says of the validation films."""

    typical: float
    abnormal: float
    atypical: float
    pointing: float
    energy: float
    called: dict[str, float]

    def __str__(self) -> str:
        called = ", ".join(f"{kind} {share:.0%}" for kind, share in self.called.items())
        return (
            f"typical {self.typical:.4f}, abnormal {self.abnormal:.4f}, typical against atypical {self.atypical:.3f}, "
            f"pointing {self.pointing:.3f}, energy {self.energy:.3f}; called at 90 % specificity: {called}"
        )


class Measure:
    """The chest films of `val`, and what weights make of them."""

    def __init__(self, films: list[LabelledFilm]) -> None:
        self.films = [film for film in films if film.split == "val" and film.group != "ood"]
        self.pixels = [open_film(film.path.read_bytes()).pixels for film in self.films]
        self.kinds = np.array([(film.source, film.label.split()[0]) for film in self.films])

    @torch.inference_mode()
    def said(self, weights: Weights, size: int = 299) -> Said:
        """Run all films at one size."""
        network = LungNet().eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        network.load_state_dict(weights)
        parts = [self._batch(network, start, size) for start in range(0, len(self.films), _BATCH)]
        return self._summed_up(Outputs(*(torch.cat(part).float() for part in zip(*parts, strict=True))))

    def _batch(self, network: LungNet, start: int, size: int) -> Outputs:
        squares = np.stack([preprocess(pixels, size) for pixels in self.pixels[start : start + _BATCH]])
        with torch.autocast("cpu", torch.bfloat16):
            said: Outputs = network(torch.from_numpy(squares)[:, None].to(memory_format=torch.channels_last))
        return said

    def _summed_up(self, out: Outputs) -> Said:
        odds = covid_log_odds(out.appearance, out.findings).double().numpy()
        abnormal = -out.appearance.softmax(1)[:, 0].double().numpy()
        siim, negative = self.kinds[:, 0] == "siim", self.kinds[:, 1] == "negative"
        healthy = odds[siim & negative]

        def of(source: str, label: str) -> Numbers:
            chosen: Numbers = odds[(self.kinds == (source, label)).all(1)]
            return chosen

        maps = [(row, film.boxes) for row, film in enumerate(self.films) if film.boxes]
        heat = out.opacity.sigmoid().numpy() ** HEAT_CONTRAST
        return Said(
            _auc(of("siim", "typical"), healthy),
            _auc(abnormal[siim & ~negative], abnormal[siim & negative]),
            _auc(of("siim", "typical"), of("siim", "atypical")),
            float(np.mean([points_inside(_spot(Outputs(*(part[row] for part in out))), boxes) for row, boxes in maps])),
            float(np.mean([energy_inside(heat[row], boxes) for row, boxes in maps])),
            {" ".join(kind): float((of(*kind) > np.quantile(healthy, 0.9)).mean()) for kind in OTHERS},
        )


def main(films: Path, output: Path) -> None:
    """Print the table, and write the mean."""
    measure = Measure(read_collection(films))
    known = {path.parent.name: load_file(path) for path in sorted(output.glob("*/weights.safetensors"))}
    for name, weights in known.items():
        print(f"{name}: {measure.said(weights)}", flush=True)  # noqa: T201
    print(f"larger, at 384 pixels: {measure.said(known['larger'], 384)}", flush=True)  # noqa: T201
    first, *others = (output / name for name in SOUP)
    soup = trained_network(first, others).state_dict()
    save_file(soup, output / "soup.safetensors")
    print(f"mean of {', '.join(SOUP)}: {measure.said(soup)}")  # noqa: T201


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
