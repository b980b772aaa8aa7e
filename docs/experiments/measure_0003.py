"""The tables of experiment 3, on SIIM and other `val` films alone.

python docs/experiments/measure_0003.py odds inception_v3.onnx FILMS_CSV       # the artefact of 1.0.0
python docs/experiments/measure_0003.py mirrored weights.safetensors FILMS_CSV  # a run's weights
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score

from lungwise.evaluation.localisation import energy_inside
from lungwise.films import open_film
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.films.preprocess import preprocess
from lungwise.reading.runtime import OpenVino
from lungwise.training.export_graph import covid_log_odds
from lungwise.training.network import LungNet

Numbers = NDArray[np.float64]
Rule = Callable[[Numbers, Numbers], Numbers]


def _likely(findings: Numbers, index: int) -> Numbers:
    return np.maximum(findings[:, index], 0)


RULES: dict[str, Rule] = {
    "typical - negative": lambda a, f: a[:, 1] - a[:, 0],
    "less tuberculosis": lambda a, f: a[:, 1] - a[:, 0] - _likely(f, 3),
    "less tuberculosis and other pneumonia": lambda a, f: a[:, 1] - a[:, 0] - _likely(f, 3) - _likely(f, 2),
    "typical - (negative or atypical), less tuberculosis": lambda a, f: (
        a[:, 1] - np.logaddexp(a[:, 0], a[:, 3]) - _likely(f, 3)
    ),
    "a quarter of (COVID-19 - other pneumonia)": lambda a, f: (
        a[:, 1] - a[:, 0] - _likely(f, 3) + 0.25 * (f[:, 1] - f[:, 2])
    ),
}


def odds(onnx: Path, films: list[LabelledFilm]) -> None:
    """AUCs within SIIM, and the share of other sources' films above SIIM's 90 % specificity."""
    network = OpenVino(onnx)
    outputs = [network.run(preprocess(open_film(film.path.read_bytes()).pixels)) for film in films]
    appearance = np.log(np.stack([out["appearance"] for out in outputs]).astype(np.float64) + 1e-9)
    found = np.clip(np.stack([out["findings"] for out in outputs]).astype(np.float64), 1e-6, 1 - 1e-6)
    findings = np.log(found) - np.log1p(-found)
    for name, rule in RULES.items():
        _print_rule(name, rule(appearance, findings), films)


def _print_rule(name: str, score: Numbers, films: list[LabelledFilm]) -> None:
    kinds = np.array([(film.source, film.label.split()[0]) for film in films])

    def of(source: str, label: str) -> Numbers:
        chosen: Numbers = score[(kinds == (source, label)).all(1)]
        return chosen

    typical, negative, atypical = (of("siim", label) for label in ("typical", "negative", "atypical"))
    others = (("nih", "pneumonia"), ("tb-belarus", "tuberculosis"), ("radiography-covid", "COVID-19"))
    shares = " ".join(f"{(of(*kind) > np.quantile(negative, 0.9)).mean():.0%}" for kind in others)
    print(f"{name}: {_auc(typical, negative):.3f} {_auc(typical, atypical):.3f} {shares}")  # noqa: T201


def _auc(positive: Numbers, negative: Numbers) -> float:
    truth = np.arange(len(positive) + len(negative)) < len(positive)
    return float(roc_auc_score(truth, np.concatenate([positive, negative])))


@torch.inference_mode()
def mirrored(weights: Path, films: list[LabelledFilm]) -> None:
    """Typical against negative as it is, mirrored, and by the mean of both; and the heat inside boxes by contrast."""
    network = LungNet().eval()
    network.load_state_dict(load_file(weights))
    siim = [film for film in films if film.source == "siim"]
    for size in (299, 256, 320, 352):
        squares = [preprocess(open_film(film.path.read_bytes()).pixels, size) for film in siim]
        plain, other = (_logits(network, [flip(square) for square in squares]) for flip in (np.array, np.fliplr))
        for name, logits in (("plain", plain), ("mirrored", other), ("both", (plain + other) / 2)):
            scores = {label: logits[[f.label.startswith(label) for f in siim]] for label in ("typical", "negative")}
            print(f"{size} {name}: {_auc(scores['typical'], scores['negative']):.4f}")  # noqa: T201
    maps = [(_heat(network, film), film) for film in siim if film.boxes]
    for power in (1.0, 1.5, 2.0):
        inside = np.mean([energy_inside(heat**power, film.boxes) for heat, film in maps])
        print(f"heat inside boxes, power {power}: {inside:.3f}")  # noqa: T201


def _logits(network: LungNet, squares: list[NDArray[np.float32]]) -> Numbers:
    said = [network(torch.from_numpy(square.copy())[None, None]) for square in squares]
    return np.array([float(covid_log_odds(out.appearance.log_softmax(1), out.findings)) for out in said])


def _heat(network: LungNet, film: LabelledFilm) -> NDArray[np.float32]:
    square = preprocess(open_film(film.path.read_bytes()).pixels)
    heat: NDArray[np.float32] = network(torch.from_numpy(square)[None, None]).opacity[0].sigmoid().numpy()
    return heat


if __name__ == "__main__":
    measure, model, table = sys.argv[1:]
    validation = [film for film in read_collection(Path(table)) if film.split == "val"]
    {"odds": odds, "mirrored": mirrored}[measure](Path(model), validation)
