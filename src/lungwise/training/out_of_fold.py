"""Out-of-fold predictions: of films whose patients a network has not seen.

The patients are parted into folds; a network is trained on all folds but one and predicts that one. The predictions
of the networks of all folds together are soft labels for another network.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from lungwise.films.collection import LabelledFilm
from lungwise.reading.artefact import APPEARANCES
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.dataset import load_samples
from lungwise.training.labels import Prediction, Predictions
from lungwise.training.network import LungNet
from lungwise.training.validate import predict

FILE_NAME = "out_of_fold.csv"
"""In the run folder of a network that left a fold out."""

PREDICTIONS = "predictions.csv"
"""In the run folder of a network with teachers: what it learnt from beside the labels."""

_COLUMNS = ("film", *APPEARANCES, *FINDING_NAMES)
_ALSO_CALLED = {"covid": "COVID-19"}
"""Columns of tables that others wrote."""


def fold_of(film: LabelledFilm, folds: int) -> int:
    """The fold of a film's patient, the same on every machine."""
    return int.from_bytes(hashlib.sha256(film.patient.encode()).digest()[:8]) % folds


def predict_films(network: LungNet, films: list[LabelledFilm], size: int, precision: torch.dtype) -> Predictions:
    """Predict films as they are: the mean of each film and its mirror image."""
    samples = load_samples(films)
    plain, mirrored = (predict(network, samples, size, precision, mirrored=mirror) for mirror in (False, True))
    appearance, findings = ((one + other) / 2 for one, other in zip(plain[:2], mirrored[:2], strict=True))
    return {sample.path: Prediction(*row) for sample, *row in zip(samples, appearance, findings, strict=True)}


def write_predictions(predictions: Predictions, folder: Path, path: Path) -> None:
    """Write predictions as a table; its films are named as in the collection's table, which lies in `folder`."""
    with path.open("w", newline="", encoding="utf-8") as table:
        rows = csv.writer(table)
        rows.writerow(_COLUMNS)
        for film, prediction in predictions.items():
            values = (f"{value:.4f}" for part in prediction for value in part)
            rows.writerow((film.relative_to(folder).as_posix(), *values))


def read_predictions(paths: list[Path], folder: Path) -> Predictions:
    """Read the tables of all folds.

    Raises
    ------
    OSError
        If one cannot be opened.
    ValueError
        If one cannot be understood.
    """
    predictions: dict[Path, Prediction] = {}
    for path in paths:
        with path.open(newline="", encoding="utf-8") as table:
            rows = csv.DictReader(table)
            rows.fieldnames = [_ALSO_CALLED.get(name, name) for name in rows.fieldnames or ()]
            if tuple(rows.fieldnames) != _COLUMNS:
                raise ValueError(f"{path} must have the columns {', '.join(_COLUMNS)}.")
            for row in rows:
                parts = (np.array([row[name] for name in names], np.float32) for names in (APPEARANCES, FINDING_NAMES))
                predictions[folder / row["film"]] = Prediction(*parts)
    return predictions


def mean_predictions(several: list[Predictions]) -> Predictions:
    """Return the mean of what several networks, or the networks of several folds together, say of each film."""
    said: dict[Path, list[Prediction]] = defaultdict(list)
    for predictions in several:
        for film, prediction in predictions.items():
            said[film].append(prediction)
    return {film: Prediction(*(np.mean(part, 0) for part in zip(*all_, strict=True))) for film, all_ in said.items()}
