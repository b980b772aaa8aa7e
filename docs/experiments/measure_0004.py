"""The tables of experiment 4, on `val` films and the tuning half of the pictures from packages alone.

python docs/experiments/measure_0004.py gate inception_v3.onnx FILMS_CSV PICTURES    # PICTURES: a folder
python docs/experiments/measure_0004.py calibration inception_v3.onnx FILMS_CSV
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from lungwise.evaluation.camera import photograph
from lungwise.evaluation.metrics import calibration
from lungwise.films import Refusal, open_film
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.films.preprocess import preprocess
from lungwise.reading.artefact import GATE
from lungwise.reading.gate import refuse_blank
from lungwise.reading.quality import refuse_unfit
from lungwise.reading.runtime import OpenVino

Numbers = NDArray[np.float64]


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


def calibrated(network: OpenVino, films: list[LabelledFilm]) -> None:
    """Calibration error of SIIM by what is fitted, each half of the films by what fits the other half."""
    siim = [film for film in films if film.source == "siim" and film.covid is not None]
    probability = np.array(
        [float(network.run(preprocess(open_film(f.path.read_bytes()).pixels))["covid"]) for f in siim]
    )
    odds = np.log(probability.clip(1e-6, 1 - 1e-6)) - np.log1p(-probability.clip(1e-6, 1 - 1e-6))
    positive, half = np.array([film.covid is True for film in siim]), np.arange(len(siim)) % 2 == 0
    for name, offset in (("as shipped", None), ("temperature alone", False), ("temperature and offset", True)):
        fitted = odds if offset is None else _refitted(odds, positive, half, offset=offset)
        ece = calibration(1 / (1 + np.exp(-fitted)), positive)["ece"]
        print(f"{name}: calibration error {ece:.3f}")  # noqa: T201


def _refitted(odds: Numbers, positive: NDArray[np.bool_], half: NDArray[np.bool_], *, offset: bool) -> Numbers:
    refitted = np.empty_like(odds)
    for fits in (half, ~half):
        fitted = LogisticRegression(C=np.inf, fit_intercept=offset).fit(odds[fits, None], positive[fits])
        refitted[~fits] = fitted.decision_function(odds[~fits, None])
    return refitted


if __name__ == "__main__":
    measure, model, table, *more = sys.argv[1:]
    validation = [film for film in read_collection(Path(table)) if film.split == "val"]
    if measure == "gate":
        gate(OpenVino(Path(model)), validation, Path(more[0]))
    else:
        calibrated(OpenVino(Path(model)), validation)
