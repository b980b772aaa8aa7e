"""The tables of experiment 4, on `val` films and the tuning half of the pictures from packages alone.

python docs/experiments/measure_0004.py gate FOLDER FILMS_CSV PICTURES    # FOLDER holds an artefact
python docs/experiments/measure_0004.py calibration FOLDER FILMS_CSV
python docs/experiments/measure_0004.py mean RUN FILMS_CSV OTHER_RUN    # folders that `lungwise train` wrote
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from lungwise.evaluation.camera import photograph
from lungwise.evaluation.localisation import points_inside
from lungwise.evaluation.metrics import calibration
from lungwise.films import Refusal, open_film
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.films.preprocess import preprocess
from lungwise.reading.artefact import GATE, Artefact, load_artefact
from lungwise.reading.gate import refuse_blank
from lungwise.reading.quality import refuse_unfit
from lungwise.reading.runtime import OpenVino
from lungwise.training.export import trained_network
from lungwise.training.export_graph import covid_log_odds
from lungwise.training.network import Outputs

Numbers = NDArray[np.float64]
OTHERS = (
    ("nih", "pneumonia"),
    ("tb-mendeley", "tuberculosis"),
    ("tb-belarus", "tuberculosis"),
    ("radiography-covid", "COVID-19"),
)


def gate(network: OpenVino, films: list[LabelledFilm], pictures: Path) -> None:
    """By the gate's lowest probability: who is turned away."""
    good = [film for film in films if film.group != "ood"]
    shots = [film for film in good if film.source == "siim" and film.covid is not None]
    kinds = {
        "good films": _upright(network, (film.path.read_bytes() for film in good)),
        "photographs of SIIM": _upright(network, _photographs(shots)),
        "ood-*": _upright(network, (film.path.read_bytes() for film in films if film.group == "ood")),
        "other pictures": _upright(network, (path.read_bytes() for path in sorted(pictures.iterdir()))),
    }
    for lowest in (0.1, 0.5, 0.8, 0.9, 0.95, 0.98):
        shares = ", ".join(f"{kind} {(upright < lowest).mean():.1%}" for kind, upright in kinds.items())
        print(f"{lowest}: turned away of {shares}")  # noqa: T201


def _photographs(films: Iterable[LabelledFilm]) -> Iterable[bytes]:
    return (photograph(open_film(film.path.read_bytes()).pixels, seed).jpeg for seed, film in enumerate(films))


def _upright(network: OpenVino, files: Iterable[bytes]) -> Numbers:
    """How surely each is an upright frontal film; 0 where a rule refuses it before the network does."""
    return np.array([_one_upright(network, data) for data in files])


def _one_upright(network: OpenVino, data: bytes) -> float:
    try:
        film = open_film(data)
        square = preprocess(film.pixels)
        refuse_blank(square)
        refuse_unfit(film, square)
    except Refusal:
        return 0.0
    return float(network.run(square)["gate"][GATE.index("upright")])


def calibrated(artefact: Artefact, films: list[LabelledFilm]) -> None:
    """Calibration error of SIIM by what is fitted, each half of the films by what fits the other half."""
    network, scale = OpenVino(artefact.onnx), artefact.card.calibration
    siim = [film for film in films if film.source == "siim" and film.covid is not None]
    squares = (preprocess(open_film(film.path.read_bytes()).pixels) for film in siim)
    probability = np.array([float(network.run(square)["covid"]) for square in squares])
    odds = (_log_odds(probability) - scale["offset"]) * scale["temperature"]
    positive, half = np.array([film.covid is True for film in siim]), np.arange(len(siim)) % 2 == 0
    print(f"as shipped: calibration error {calibration(probability, positive)['ece']:.3f}")  # noqa: T201
    for name, offset in (("temperature alone", False), ("temperature and offset", True)):
        refitted = _refitted(odds, positive, half, offset=offset)
        print(f"{name}: {calibration(1 / (1 + np.exp(-refitted)), positive)['ece']:.3f}")  # noqa: T201


def _log_odds(probability: Numbers) -> Numbers:
    clipped = probability.clip(1e-6, 1 - 1e-6)
    odds: Numbers = np.log(clipped) - np.log1p(-clipped)
    return odds


def _refitted(odds: Numbers, positive: NDArray[np.bool_], half: NDArray[np.bool_], *, offset: bool) -> Numbers:
    refitted = np.empty_like(odds)
    for fits in (half, ~half):
        fitted = LogisticRegression(C=np.inf, fit_intercept=offset).fit(odds[fits, None], positive[fits])
        refitted[~fits] = fitted.decision_function(odds[~fits, None])
    return refitted


@torch.inference_mode()
def mean(run: Path, other: Path, films: list[LabelledFilm]) -> None:
    """What the one run, the mean of both and the other run say of the chest films."""
    chest = [film for film in films if film.group != "ood"]
    squares = [preprocess(open_film(film.path.read_bytes()).pixels) for film in chest]
    for name, network in (
        ("other", trained_network(other)),
        ("mean", trained_network(run, [other])),
        ("run", trained_network(run)),
    ):
        said = [network.eval()(torch.from_numpy(square)[None, None]) for square in squares]
        _print_run(name, [Outputs(*(part[0] for part in outputs)) for outputs in said], chest)


def _print_run(name: str, said: list[Outputs], films: list[LabelledFilm]) -> None:
    kinds = np.array([(film.source, film.label.split()[0]) for film in films])
    negative = np.array([float(out.appearance.softmax(0)[0]) for out in said])
    odds = np.array([float(covid_log_odds(out.appearance[None], out.findings[None])) for out in said])

    def of(source: str, label: str) -> Numbers:
        chosen: Numbers = odds[(kinds == (source, label)).all(1)]
        return chosen

    pointed = [points_inside(_spot(out), film.boxes) for out, film in zip(said, films, strict=True) if film.boxes]
    siim, healthy = kinds[:, 0] == "siim", of("siim", "negative")
    print(  # noqa: T201
        f"{name}: typical {_auc(of('siim', 'typical'), healthy):.4f}, abnormal "
        f"{_auc(-negative[siim & (kinds[:, 1] != 'negative')], -negative[siim & (kinds[:, 1] == 'negative')]):.4f}, "
        f"typical against atypical {_auc(of('siim', 'typical'), of('siim', 'atypical')):.3f}, pointing "
        f"{np.mean(pointed):.3f}"
    )
    for kind in OTHERS:
        print(f"  called at 90 % specificity, {' '.join(kind)}: {(of(*kind) > np.quantile(healthy, 0.9)).mean():.0%}")  # noqa: T201


def _spot(out: Outputs) -> tuple[float, float]:
    row, column = divmod(int(out.opacity.argmax()), out.opacity.shape[1])
    return (column + 0.5) / out.opacity.shape[1], (row + 0.5) / out.opacity.shape[0]


def _auc(positive: Numbers, negative: Numbers) -> float:
    truth = np.arange(len(positive) + len(negative)) < len(positive)
    return float(roc_auc_score(truth, np.concatenate([positive, negative])))


if __name__ == "__main__":
    measure, folder, table, *more = sys.argv[1:]
    validation = [film for film in read_collection(Path(table)) if film.split == "val"]
    if measure == "gate":
        gate(OpenVino(load_artefact(Path(folder)).onnx), validation, Path(more[0]))
    elif measure == "calibration":
        calibrated(load_artefact(Path(folder)), validation)
    else:
        mean(Path(folder), Path(more[0]), validation)
