"""Out-of-fold predictions: of films whose patients a network has not seen.

The patients are parted into folds; a network is trained on all folds but one and predicts that one. The predictions
of the networks of all folds together are soft labels for another network.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from lungwise.films.collection import LabelledFilm
from lungwise.reading.artefact import APPEARANCES
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.dataset import load_samples
from lungwise.training.fit import Progress, replace_file
from lungwise.training.labels import Prediction, Predictions
from lungwise.training.network import LungNet
from lungwise.training.validate import predict

FILE_NAME = "out_of_fold.csv"
"""In a run folder."""

_HEADS = (APPEARANCES, FINDING_NAMES)
_COLUMNS = ("film", *APPEARANCES, *FINDING_NAMES)
_KNOWN_SHARE = 0.9
"""Lowest share of the chest films to be learnt that others' tables must know; they lack what a reader refuses."""
_ALSO_CALLED = {"covid": "COVID-19"}
"""Columns of tables that others wrote."""


def fold_of(film: LabelledFilm, folds: int) -> int:
    """The fold of a film's patient, the same on every machine."""
    return int.from_bytes(hashlib.sha256(film.patient.encode()).digest()[:8]) % folds


def predict_films(
    network: LungNet, films: list[LabelledFilm], size: int, precision: torch.dtype, progress: Progress
) -> Predictions:
    """Predict films as they are: the mean of each film and its mirror image."""
    samples = load_samples(films)
    plain = predict(network, samples, size, precision, partial(progress, "predicting"))
    mirrored = predict(network, samples, size, precision, partial(progress, "predicting mirror images"), mirrored=True)
    appearance, findings = ((one + other) / 2 for one, other in zip(plain[:2], mirrored[:2], strict=True))
    return {sample.path: Prediction(*row) for sample, *row in zip(samples, appearance, findings, strict=True)}


def write_predictions(predictions: Predictions, folder: Path, path: Path) -> None:
    """Write predictions as a table; its films are named as in the collection's table, which lies in `folder`."""
    replace_file(path, partial(_write_rows, predictions, folder))


def _write_rows(predictions: Predictions, folder: Path, path: Path) -> None:
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
        If one cannot be understood; names the line.
    """
    predictions: dict[Path, Prediction] = {}
    for path in paths:
        with path.open(newline="", encoding="utf-8") as table:
            rows = csv.DictReader(table)
            rows.fieldnames = [_ALSO_CALLED.get(name, name) for name in rows.fieldnames or ()]
            if tuple(rows.fieldnames) != _COLUMNS:
                raise ValueError(f"{path} must have the columns {', '.join(_COLUMNS)}.")
            for row in rows:
                try:
                    predictions[folder / row["film"]] = _prediction(row)
                except (TypeError, ValueError) as error:
                    wrong = f"{path}, line {rows.line_num}: each column must hold a probability from 0 to 1."
                    raise ValueError(f"{wrong} Write the table anew.") from error
    return predictions


def _prediction(row: dict[str, str]) -> Prediction:
    prediction = Prediction(*(np.array([float(row[name]) for name in names], np.float32) for names in _HEADS))
    if not all(((part >= 0) & (part <= 1)).all() for part in prediction):
        raise ValueError(row["film"])
    return prediction


def is_complete(table: Path, folder: Path, films: list[LabelledFilm]) -> bool:
    """Whether a table is there and whole: it has all of these films but those that a reader refuses."""
    try:
        predicted = read_predictions([table], folder)
    except (FileNotFoundError, ValueError):
        return False
    return not load_samples([film for film in films if film.path not in predicted])


def predictions_of(films: list[LabelledFilm], predictions: Predictions) -> Predictions:
    """What is predicted of these films, also where a table has other endings of their files, as a packed copy does."""
    by_name = {path.with_suffix(""): prediction for path, prediction in predictions.items()}
    said = {film.path: predictions.get(film.path) or by_name.get(film.path.with_suffix("")) for film in films}
    return {path: prediction for path, prediction in said.items() if prediction}


def read_others(
    paths: tuple[Path, ...], folder: Path, films: list[LabelledFilm], left_out: list[LabelledFilm]
) -> list[Predictions]:
    """Read what other networks predict of `films`, each table on its own.

    Parameters
    ----------
    left_out
        Films that no network is to have seen.

    Raises
    ------
    OSError
        If a table cannot be opened.
    ValueError
        If one cannot be understood, if its networks have seen what is left out, or if the tables know too few films.
    """
    learnt = {film.path for film in films if film.split == "train" and film.group != "ood"}
    tables = []
    for path in paths:
        table = read_predictions([path], folder)
        if seen := predictions_of(left_out, table):
            sources = ", ".join(sorted({film.source for film in left_out if film.path in seen}))
            raise ValueError(f"{path} is by networks that know {sources}. Give one by networks trained without it.")
        tables.append(predictions_of(films, table))
        if learnt.isdisjoint(tables[-1]):
            raise ValueError(f"{path} knows none of the chest films to be learnt. Is it of another collection?")
    known = len(learnt.intersection(chain(*tables))) / max(len(learnt), 1)
    if tables and known < _KNOWN_SHARE:
        raise ValueError(
            f"The tables of --predictions know {known:.0%} of the chest films to be learnt; they must know "
            f"{_KNOWN_SHARE:.0%}. Are they of another collection?"
        )
    return tables


def mean_predictions(several: list[Predictions]) -> Predictions:
    """Return the mean of what several networks, or the networks of several folds together, say of each film."""
    said: dict[Path, list[Prediction]] = defaultdict(list)
    for predictions in several:
        for film, prediction in predictions.items():
            said[film].append(prediction)
    return {film: Prediction(*(np.mean(part, 0) for part in zip(*all_, strict=True))) for film, all_ in said.items()}
