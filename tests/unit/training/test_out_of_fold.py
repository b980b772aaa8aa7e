from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lungwise.films.collection import read_collection
from lungwise.training.labels import Prediction
from lungwise.training.network import LungNet
from lungwise.training.out_of_fold import (
    fold_of,
    mean_predictions,
    predict_films,
    read_predictions,
    write_predictions,
)

pytestmark = pytest.mark.training


def test_the_films_of_a_patient_are_in_one_fold_and_the_folds_are_alike(small_collection: Path) -> None:
    film = read_collection(small_collection)[0]

    assert fold_of(film, 4) == fold_of(replace(film, path=Path("other.png"), label="normal"), 4)
    folds = Counter(fold_of(replace(film, patient=str(n)), 4) for n in range(2000))
    assert sorted(folds) == [0, 1, 2, 3]
    assert min(folds.values()) > 400


def test_predictions_are_those_of_the_film_and_its_mirror_image(small_collection: Path) -> None:
    torch.manual_seed(0)
    network = LungNet().eval()
    films = read_collection(small_collection)[:3]

    predictions = predict_films(network, films, 75, torch.float32)

    assert list(predictions) == [film.path for film in films]
    for prediction in predictions.values():
        assert float(prediction.appearance.sum()) == pytest.approx(1, abs=1e-5)
        assert ((prediction.findings > 0) & (prediction.findings < 1)).all()


def test_what_is_written_is_read_back_fold_by_fold(tmp_path: Path) -> None:
    said = Prediction(np.array([0.1, 0.2, 0.3, 0.4], np.float32), np.array([0.5, 0.6, 0.7, 0.8], np.float32))
    folds = [{tmp_path / "films" / f"{n}.png": said} for n in range(2)]
    for fold, predictions in enumerate(folds):
        write_predictions(predictions, tmp_path, tmp_path / f"{fold}.csv")

    read = read_predictions([tmp_path / "0.csv", tmp_path / "1.csv"], tmp_path)

    assert list(read) == [*folds[0], *folds[1]]
    for prediction in read.values():
        np.testing.assert_allclose(prediction.appearance, said.appearance)
        np.testing.assert_allclose(prediction.findings, said.findings)


def test_a_table_of_other_findings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("film,negative,hernia\n")

    with pytest.raises(ValueError, match="tuberculosis"):
        read_predictions([tmp_path / "other.csv"], tmp_path)


def test_a_table_may_call_covid_by_its_short_name(tmp_path: Path) -> None:
    said = Prediction(np.array([0.1, 0.2, 0.3, 0.4], np.float32), np.array([0.5, 0.6, 0.7, 0.8], np.float32))
    write_predictions({tmp_path / "film.png": said}, tmp_path, tmp_path / "ours.csv")
    theirs = (tmp_path / "ours.csv").read_text().replace("COVID-19", "covid")
    (tmp_path / "theirs.csv").write_text(theirs)

    read = read_predictions([tmp_path / "theirs.csv"], tmp_path)

    np.testing.assert_allclose(read[tmp_path / "film.png"].findings, said.findings)


def test_a_film_has_the_mean_of_what_is_said_of_it() -> None:
    low, high = (Prediction(np.full(4, value, np.float32), np.full(4, value, np.float32)) for value in (0.2, 0.6))
    both, one = Path("both.png"), Path("one.png")

    mean = mean_predictions([{both: low, one: low}, {both: high}])

    np.testing.assert_allclose(mean[both].appearance, 0.4)
    np.testing.assert_allclose(mean[both].findings, 0.4)
    np.testing.assert_allclose(mean[one].findings, 0.2)
