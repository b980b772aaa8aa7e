"""A run folder in, the artefact out: calibrated, quantised, and refused where it got worse."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score

from lungwise.films import Refusal, open_film
from lungwise.films.collection import LabelledFilm
from lungwise.films.preprocess import PREPROCESSING, preprocess
from lungwise.reading.artefact import GATE, ModelCard, Thresholds, labels, read_statement, write_card
from lungwise.reading.extent import ExtentCalibration
from lungwise.reading.findings import FINDING_NAMES
from lungwise.reading.runtime import OpenVino, Outputs
from lungwise.training import quantise
from lungwise.training.calibrate import (
    Labels,
    Scaling,
    Scores,
    finding_thresholds,
    gate,
    scaling,
    thresholds,
    truth_of,
)
from lungwise.training.export_graph import ExportGraph, write_onnx
from lungwise.training.extent import calibrate_extent
from lungwise.training.fit import WEIGHTS, Progress, finished_record, sha256
from lungwise.training.network import LungNet

AUC_LOSS = 0.003
"""Highest AUC that int8 may lose on `val`."""

FLIPS = 0.01
"""Highest share of verdicts on `val` that int8 may change."""


class WorseInt8Error(ValueError):
    """The quantised network is too far from the float32 one to be shipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What one version of the network says of the SIIM `val` films that are typical or negative."""

    probability: Scores
    positive: Labels

    @property
    def auc(self) -> float:
        """Area under the ROC curve."""
        return float(roc_auc_score(self.positive, self.probability))


def export(
    run: Path,
    films: list[LabelledFilm],
    version: str,
    output: Path,
    progress: Progress,
    scores: Path | None = None,
) -> ModelCard:
    """Write `inception_v3.onnx` and `card.json`.

    Parameters
    ----------
    run
        A folder that `lungwise train` wrote.
    films
        The collection; only its `train` films calibrate the quantisation, only its `val`
        films the probabilities and thresholds.
    output
        Where the artefact goes once it has passed; its parts are first made in the run folder.
    scores
        The folder with radiologists' scores, from which the extent of opacity is calibrated; without them the model
        says none.

    Raises
    ------
    ValueError
        If the run has not learnt all epochs of its recipe, or its weights are not those of its record.
    WorseInt8Error
        If int8 loses more than 0.003 AUC or flips more than 1 % of the verdicts on `val`.
    """
    record = finished_record(run)
    val = [film for film in films if film.split == "val" and film.group != "ood"]
    scalings = _fit_scalings(trained_network(run), run / "uncalibrated.onnx", val, progress)
    exact, int8 = run / "float32.onnx", run / "int8.onnx"
    write_onnx(ExportGraph(trained_network(run), scalings), exact)
    quantise.quantise(exact, int8, _calibration_films(films), progress)
    runtime = OpenVino(int8)
    answers = run_films(runtime, val, progress)
    before = validation(run_films(OpenVino(exact), [film for film in val if "COVID-19" in truth_of(film)], progress))
    card = replace(
        _card(run, record, version, scalings, answers, before),
        extent=calibrated_extent(films, scores, runtime, progress),
    )
    _install(int8, card, output)
    return card


def _card(
    run: Path,
    record: dict[str, Any],
    version: str,
    scalings: dict[str, Scaling],
    answers: dict[LabelledFilm, Outputs],
    exact: Validation,
) -> ModelCard:
    """What is known of a run, and chosen by what its int8 network answers on `val`."""
    statement = read_statement()
    int8 = validation(answers)
    limits = thresholds(int8.probability, int8.positive, exact.probability)
    trained = {part: record[part] for part in ("code", "data", "init", "teacher")}
    return ModelCard(
        name="inception_v3",
        version=version,
        created=date.today().isoformat(),
        preprocessing=PREPROCESSING,
        labels=labels(),
        thresholds=limits,
        finding_thresholds=finding_thresholds(list(answers), _findings(answers)),
        gate=gate(np.array([outputs["gate"][GATE.index("upright")] for outputs in answers.values()], np.float64)),
        calibration={name: asdict(scaling) for name, scaling in scalings.items()},
        hashes={"onnx": sha256(run / "int8.onnx"), **trained},
        training={"recipe": record["recipe"], "epochs": record["epochs"]},
        metrics={"val": compare(exact, int8, limits)},
        intended_use=statement.intended_use,
        limits=statement.limits,
        data=statement.data,
    )


def calibrated_extent(
    films: list[LabelledFilm], scores: Path | None, runtime: OpenVino, progress: Progress
) -> ExtentCalibration | None:
    """Calibrate the extent of opacity by what a network answers; None without a folder of scores, or without scores."""

    def heat_map(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return runtime.run(preprocess(pixels))["heat_map"]

    return calibrate_extent(films, scores, heat_map, progress) if scores else None


def _install(int8: Path, card: ModelCard, output: Path) -> None:
    """Both parts are written whole before either takes its place."""
    output.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(int8, output / "inception_v3.onnx.new")
    write_card(card, output / "card.json.new")
    for name in ("inception_v3.onnx", "card.json"):
        (output / f"{name}.new").replace(output / name)


def run_films(runtime: OpenVino, films: list[LabelledFilm], progress: Progress) -> dict[LabelledFilm, Outputs]:
    """Run films; those that are refused as files are left out, because they never come to the network."""
    answers = {}
    for done, film in enumerate(films, start=1):
        with contextlib.suppress(Refusal):
            answers[film] = _outputs(runtime, film)
        progress("validating", done, len(films))
    return answers


def validation(answers: Mapping[LabelledFilm, Outputs]) -> Validation:
    """What was said of the SIIM films that are typical or negative."""
    decided = {film: outputs for film, outputs in answers.items() if "COVID-19" in truth_of(film)}
    probability = np.array([float(outputs["covid"]) for outputs in decided.values()])
    return Validation(probability=probability, positive=np.array([film.covid is True for film in decided]))


def compare(exact: Validation, int8: Validation, limits: Thresholds) -> dict[str, Any]:
    """Int8 against float32 at the same thresholds.

    Raises
    ------
    WorseInt8Error
        If it loses too much.
    """
    flips = float((_verdicts(exact, limits) != _verdicts(int8, limits)).mean())
    metrics = {
        "films": len(int8.positive),
        "auc_float32": round(exact.auc, 4),
        "auc_int8": round(int8.auc, 4),
        "verdicts_flipped": round(flips, 4),
        "largest_change": round(float(np.abs(exact.probability - int8.probability).max()), 4),
    }
    if exact.auc - int8.auc > AUC_LOSS or flips > FLIPS:
        raise WorseInt8Error(f"int8 is too far from float32 to be shipped: {metrics}")
    return metrics


def _verdicts(validated: Validation, limits: Thresholds) -> NDArray[np.intp]:
    return np.digitize(validated.probability, (limits.lower, limits.upper))


def _fit_scalings(network: LungNet, raw: Path, val: list[LabelledFilm], progress: Progress) -> dict[str, Scaling]:
    """The scaling of each finding, found with what the network says before calibration; `raw` is made and removed."""
    write_onnx(ExportGraph(network), raw)
    answers = run_films(OpenVino(raw), val, progress)
    raw.unlink()
    log_odds = _log_odds(_findings(answers))
    scalings = {}
    for index, name in enumerate(FINDING_NAMES):
        known = {n: truth_of(film)[name] for n, film in enumerate(answers) if name in truth_of(film)}
        truth = np.array(list(known.values()), np.bool_)
        both = truth.any() and not truth.all()
        scalings[name] = scaling(log_odds[list(known), index], truth) if both else Scaling()
    return scalings


def _findings(answers: Mapping[LabelledFilm, Outputs]) -> NDArray[np.float64]:
    """(n, findings) probabilities."""
    return np.stack([outputs["findings"] for outputs in answers.values()]).astype(np.float64)


def _log_odds(probability: Scores) -> Scores:
    clipped = np.clip(probability, 1e-6, 1 - 1e-6)
    log_odds: Scores = np.log(clipped) - np.log1p(-clipped)
    return log_odds


def trained_network(run: Path) -> LungNet:
    """The network of a run."""
    network = LungNet()
    network.load_state_dict(load_file(run / WEIGHTS))
    return network


def _outputs(runtime: OpenVino, film: LabelledFilm) -> Outputs:
    return runtime.run(preprocess(open_film(film.path.read_bytes()).pixels))


def _calibration_films(films: list[LabelledFilm]) -> list[Path]:
    """300 training films that stand for what will be read: chest films from every source."""
    chest = [film for film in films if film.split == "train" and film.group != "ood"]
    order = np.random.default_rng(0).permutation(len(chest))
    return [chest[i].path for i in order[:300]]
