"""A run folder in, the artefact out: calibrated, quantised, and refused where it got worse."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score

from lungwise.films import Refusal, open_film
from lungwise.films.collection import LabelledFilm
from lungwise.films.preprocess import PREPROCESSING, preprocess
from lungwise.reading.artefact import (
    GATE,
    ModelCard,
    Thresholds,
    labels,
    load_artefact,
    read_statement,
    write_card,
)
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
from lungwise.training.fit import WEIGHTS, Progress, code_hash, data_hash, finished_record, predictions_hash, sha256
from lungwise.training.heads import fit_heads, read_heads, write_heads
from lungwise.training.labels import Predictions, SoftLabels
from lungwise.training.network import LungNet
from lungwise.training.onnx_file import without_rounding, write_scalings
from lungwise.training.recipe import Recipe, parse_recipe

AUC_LOSS = 0.003
"""Highest AUC that int8 may lose on `val`."""

FLIPS = 0.01
"""Highest share of verdicts on `val` that int8 may change."""


class WorseInt8Error(ValueError):
    """The quantised network is too far from the float32 one to be shipped."""


class Graphs(NamedTuple):
    """The files of one network."""

    exact: Path
    """As it computes without rounding in between."""
    int8: Path


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
    predictions: Predictions = MappingProxyType({}),
) -> ModelCard:
    """Write `inception_v3.onnx` and `card.json` of a run.

    Parameters
    ----------
    run
        A folder that `lungwise train` wrote.
    films
        The collection; only its `train` films calibrate the quantisation and fit the heads, only its `val`
        films the probabilities and thresholds.
    output
        Where the artefact goes once it has passed; its parts are first made in the run folder.
    scores
        The folder with radiologists' scores, from which the extent of opacity is calibrated; without them the model
        says none.
    predictions
        Those that the network learnt from beside the labels, if any.

    Raises
    ------
    ValueError
        If the run has not learnt all epochs of its recipe, or its weights are not those of its record.
    WorseInt8Error
        If int8 loses more than 0.003 AUC or flips more than 1 % of the verdicts on `val`.
    """
    record = finished_record(run)
    recipe, graphs = parse_recipe(record["recipe"]), Graphs(run / "float32.onnx", run / "int8.onnx")
    write_onnx(ExportGraph(trained_network(run)), graphs.exact)
    quantise.quantise(graphs.exact, graphs.int8, _calibration_films(films), progress)
    if recipe.heads_decay is not None:
        fit_heads(graphs.int8, films, soft_labels(recipe, predictions), recipe, progress)
    measured = _finish(graphs, films, scores, progress)
    trained = {part: record[part] for part in ("code", "data", "init", "teacher")}
    return _install(graphs.int8, output, measured, version, trained, {key: record[key] for key in ("recipe", "epochs")})


def refit(
    model: Path,
    films: list[LabelledFilm],
    recipe: Recipe,
    predictions: Predictions,
    version: str,
    output: Path,
    progress: Progress,
    scores: Path | None = None,
) -> ModelCard:
    """Fit the heads of an exported model anew, and calibrate it: its trunk, its heat map and its gate stay.

    Parameters
    ----------
    model
        The folder of the model.
    recipe
        Says how: its shares, its smoothing and its `heads_decay`.
    predictions
        Of networks that have not seen the film's patient; empty for the labels alone.
    films, version, output, progress, scores
        As for `export`.

    Raises
    ------
    ArtefactError
        If the model is not whole.
    WorseInt8Error
        As `export`, held against the same weights without rounding in between.
    """
    before = load_artefact(model)
    with tempfile.TemporaryDirectory(prefix="lungwise-refit-") as folder:
        graphs = Graphs(Path(folder) / "float32.onnx", Path(folder) / "int8.onnx")
        shutil.copyfile(before.onnx, graphs.int8)
        without_rounding(graphs.int8, graphs.exact)
        fit_heads(graphs.int8, films, soft_labels(recipe, predictions), recipe, progress)
        measured = _finish(graphs, films, scores, progress)
        trained = {
            **before.card.hashes,
            "heads_of": before.card.hashes["onnx"],
            "heads_code": code_hash(),
            "heads_data": data_hash(films),
            "heads_teacher": predictions_hash(predictions),
        }
        training = {
            **before.card.training,
            "refitted": {"by": recipe.model_dump(mode="json"), "of": before.card.version},
        }
        return _install(graphs.int8, output, measured, version, trained, training)


def soft_labels(recipe: Recipe, predictions: Predictions) -> SoftLabels:
    """What the films of a recipe teach, softened by predictions."""
    return SoftLabels(predictions=predictions, smoothing=recipe.smoothing, correction=recipe.correction)


def _finish(graphs: Graphs, films: list[LabelledFilm], scores: Path | None, progress: Progress) -> dict[str, Any]:
    """Calibrate both graphs by what int8 answers on `val`; return what was chosen and measured, by the card's names."""
    val = [film for film in films if film.split == "val" and film.group != "ood"]
    write_scalings(graphs.int8, {})
    scalings = _fit_scalings(run_films(OpenVino(graphs.int8), val, progress))
    write_heads(graphs.exact, read_heads(graphs.int8))
    for graph in graphs:
        write_scalings(graph, scalings)
    runtime = OpenVino(graphs.int8)
    answers = run_films(runtime, val, progress)
    decided = [film for film in val if "COVID-19" in truth_of(film)]
    exact, int8 = validation(run_films(OpenVino(graphs.exact), decided, progress)), validation(answers)
    limits = thresholds(int8.probability, int8.positive, exact.probability)
    return {
        "thresholds": limits,
        "finding_thresholds": finding_thresholds(list(answers), _findings(answers)),
        "gate": gate(np.array([outputs["gate"][GATE.index("upright")] for outputs in answers.values()], np.float64)),
        "calibration": {name: asdict(scaling) for name, scaling in scalings.items()},
        "metrics": {"val": compare(exact, int8, limits)},
        "extent": calibrated_extent(films, scores, runtime, progress),
    }


def calibrated_extent(
    films: list[LabelledFilm], scores: Path | None, runtime: OpenVino, progress: Progress
) -> ExtentCalibration | None:
    """Calibrate the extent of opacity by what a network answers; None without a folder of scores, or without scores."""

    def heat_map(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return runtime.run(preprocess(pixels))["heat_map"]

    return calibrate_extent(films, scores, heat_map, progress) if scores else None


def _install(
    int8: Path,
    output: Path,
    measured: dict[str, Any],
    version: str,
    trained: dict[str, str | None],
    training: dict[str, Any],
) -> ModelCard:
    """Write the card; both parts are whole before either takes its place."""
    statement = read_statement()
    card = ModelCard(
        name="inception_v3",
        version=version,
        created=date.today().isoformat(),
        preprocessing=PREPROCESSING,
        labels=labels(),
        hashes={**trained, "onnx": sha256(int8)},
        training=training,
        intended_use=statement.intended_use,
        limits=statement.limits,
        data=statement.data,
        **measured,
    )
    output.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(int8, output / "inception_v3.onnx.new")
    write_card(card, output / "card.json.new")
    for name in ("inception_v3.onnx", "card.json"):
        (output / f"{name}.new").replace(output / name)
    return card


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


def _fit_scalings(answers: Mapping[LabelledFilm, Outputs]) -> dict[str, Scaling]:
    """The scaling of each finding, found with what an uncalibrated network says on `val`."""
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
