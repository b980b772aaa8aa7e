"""A run folder in, the artefact out: calibrated, quantised, and refused where it got worse."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import asdict, dataclass
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
from lungwise.reading.artefact import GATE, ModelCard, Thresholds, labels, read_statement
from lungwise.reading.prevalence import verdict_rates
from lungwise.reading.runtime import OpenVino, Outputs
from lungwise.training import quantise
from lungwise.training.calibrate import Labels, Scaling, Scores, gate, scaling, thresholds
from lungwise.training.export_graph import ExportGraph, write_onnx
from lungwise.training.fit import Progress, sha256
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

    @property
    def log_odds(self) -> Scores:
        """(n,) logit of the probability."""
        clipped = np.clip(self.probability, 1e-6, 1 - 1e-6)
        log_odds: Scores = np.log(clipped) - np.log1p(-clipped)
        return log_odds


def export(
    run: Path,
    films: list[LabelledFilm],
    version: str,
    output: Path,
    progress: Progress,
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

    Raises
    ------
    WorseInt8Error
        If int8 loses more than 0.003 AUC or flips more than 1 % of the verdicts on `val`.
    """
    val = [film for film in films if film.split == "val"]
    scale = _fit_scaling(trained_network(run), run / "uncalibrated.onnx", val, progress)
    exact, int8 = run / "float32.onnx", run / "int8.onnx"
    write_onnx(ExportGraph(trained_network(run), scale), exact)
    quantise.quantise(exact, int8, _calibration_films(films), progress)
    shipped = OpenVino(int8)
    before, after = (validation(runtime, val, progress) for runtime in (OpenVino(exact), shipped))
    limits = thresholds(after.probability, after.positive, before.probability)
    rates = verdict_rates(after.probability, after.positive, limits)
    metrics = {"val": compare(before, after, limits), "verdicts": asdict(rates)}
    lowest = gate(_upright(shipped, val, progress))
    card = _card(json.loads((run / "record.json").read_text()), int8, version, scale, limits, lowest, metrics)
    _install(int8, card, output)
    return card


def _install(int8: Path, card: ModelCard, output: Path) -> None:
    """Both parts are written whole before either takes its place."""
    output.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(int8, output / "inception_v3.onnx.new")
    (output / "card.json.new").write_text(json.dumps(asdict(card), indent=1) + "\n", encoding="utf-8")
    for name in ("inception_v3.onnx", "card.json"):
        (output / f"{name}.new").replace(output / name)


def validation(runtime: OpenVino, val: list[LabelledFilm], progress: Progress) -> Validation:
    """Run the SIIM films of `val` that are typical or negative."""
    decided = [film for film in val if film.source == "siim" and film.covid is not None]
    probability = []
    for done, film in enumerate(decided, start=1):
        probability.append(float(_outputs(runtime, film)["covid"]))
        progress("validating", done, len(decided))
    positive = np.array([film.covid is True for film in decided])
    return Validation(probability=np.array(probability), positive=positive)


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


def _upright(runtime: OpenVino, val: list[LabelledFilm], progress: Progress) -> Scores:
    """(n,) probability of an upright frontal film, of the frontal films of `val`."""
    frontal = [film for film in val if film.group != "ood"]
    upright = []
    for done, film in enumerate(frontal, start=1):
        with contextlib.suppress(Refusal):  # what is refused as a file never comes to the gate
            upright.append(float(_outputs(runtime, film)["gate"][GATE.index("upright")]))
        progress("setting the gate", done, len(frontal))
    return np.array(upright)


def _fit_scaling(network: LungNet, raw: Path, val: list[LabelledFilm], progress: Progress) -> Scaling:
    """The scaling of the float32 network, found with what it says before calibration; `raw` is made and removed."""
    write_onnx(ExportGraph(network), raw)
    validated = validation(OpenVino(raw), val, progress)
    raw.unlink()
    return scaling(validated.log_odds, validated.positive)


def trained_network(run: Path) -> LungNet:
    """The network of a run."""
    network = LungNet()
    network.load_state_dict(load_file(run / "weights.safetensors"))
    return network


def _outputs(runtime: OpenVino, film: LabelledFilm) -> Outputs:
    return runtime.run(preprocess(open_film(film.path.read_bytes()).pixels))


def _calibration_films(films: list[LabelledFilm]) -> list[Path]:
    """300 training films that stand for what will be read: chest films from every source."""
    chest = [film for film in films if film.split == "train" and film.group != "ood"]
    order = np.random.default_rng(0).permutation(len(chest))
    return [chest[i].path for i in order[:300]]


def _card(
    record: dict[str, Any],
    onnx: Path,
    version: str,
    scale: Scaling,
    limits: Thresholds,
    lowest: float,
    metrics: dict[str, Any],
) -> ModelCard:
    statement = read_statement()
    return ModelCard(
        name="inception_v3",
        version=version,
        created=date.today().isoformat(),
        preprocessing=PREPROCESSING,
        labels=labels(),
        thresholds=limits,
        gate=lowest,
        calibration=asdict(scale),
        hashes={
            "onnx": sha256(onnx),
            **{part: record[part] for part in ("code", "data", "init", "teacher")},
        },
        training={"recipe": record["recipe"], "epochs": record["epochs"]},
        metrics=metrics,
        intended_use=statement.intended_use,
        limits=statement.limits,
        data=statement.data,
    )
