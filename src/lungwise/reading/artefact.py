"""The artefact: one ONNX file and its card, loaded only when they belong together."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lungwise.films.preprocess import PREPROCESSING
from lungwise.reading.extent import ExtentCalibration, calibration_from
from lungwise.reading.findings import FINDING_NAMES

APPEARANCES = ("negative", "typical", "indeterminate", "atypical")
OUTPUTS = ("covid", "appearance", "findings", "gate", "heat_map")
"""The graph's outputs in their order: a compiled graph may call them by other names."""

GATE = ("upright", "turned left", "upside down", "turned right", "lateral", "other")

WEIGHTS = Path(str(files("lungwise") / "weights"))
"""Where the shipped artefact lies."""
_folders = [WEIGHTS]
"""The artefact in use lies in the last of them."""
_INSTALL, _EXPORT = "Install Lungwise anew.", "Name a folder as `lungwise export` writes it."


class ArtefactError(Exception):
    """The artefact must not be used; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Below `lower` the verdict is negative, from `upper` on positive, between uncertain."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What is known of a model; `card.json` as an object.

    Parameters
    ----------
    name, version, created
        Which model this is; `created` is a date, ISO 8601.
    preprocessing
        Name and version of the preprocessing it was trained with.
    labels
        Names behind the graph's outputs `appearance`, `findings` and `gate`.
    thresholds
        Of the verdict, from validation data.
    finding_thresholds
        From which probability a finding other than COVID-19 counts as present, by its name, and from which a film is
        called normal; from validation data.
    gate
        Lowest probability of being an upright frontal chest film with which a film is read.
    calibration
        How log odds became probabilities, finding by finding: they are divided by the temperature, and the offset is
        added. Until 1.3.0 of COVID-19 alone.
    hashes
        SHA-256 of the ONNX file (`onnx`), and of the code, data, initial weights and teachers' predictions of its
        training; until 1.3.0 also of the weights that it is the mean with (`mean_with`).
    training, metrics
        The recipe; the figures on validation data, float32 beside int8 (`val`), and how often its verdicts are right on
        `test` (`verdicts`, see `reading.prevalence.VerdictRates`), of a model that was evaluated.
    intended_use, limits, data
        What it is for, what to keep in mind, and the licences of what it learnt from.
    extent
        How its heat maps become the extent of opacity; None of a model that does not say it, as until 1.3.0.
    """

    name: str
    version: str
    created: str
    preprocessing: str
    labels: dict[str, list[str]]
    thresholds: Thresholds
    gate: float
    calibration: dict[str, Any]
    hashes: dict[str, str | None]
    training: dict[str, Any]
    metrics: dict[str, Any]
    intended_use: str
    limits: list[str]
    data: list[dict[str, str]]
    finding_thresholds: dict[str, float] = field(default_factory=dict)
    extent: ExtentCalibration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is said of a model in words; `statement.toml` beside the weights as an object.

    Parameters
    ----------
    intended_use, not_for
        What it is for, and what it is not for.
    labels
        What the labels mean that it was trained and measured on.
    training
        What the recipe and the hashes do not say of how it was trained.
    limits, did_not_work
        What to keep in mind, and what was tried in vain.
    data
        `source` and `use` of what it learnt from.
    """

    intended_use: str
    not_for: list[str]
    labels: list[str]
    training: list[str]
    limits: list[str]
    did_not_work: list[str]
    data: list[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A model file and its card, checked against each other."""

    onnx: Path
    card: ModelCard


def use_artefact(folder: Path) -> None:
    """Let this process read with the artefact in a folder rather than with the shipped one; before anything is read."""
    _folders[:] = [folder]
    shipped_card.cache_clear()


def folder_in_use() -> Path:
    """Return where the artefact lies that this process reads with."""
    return _folders[-1]


def load_artefact(folder: Path | None = None) -> Artefact:
    """Load `inception_v3.onnx` and `card.json`, by default of the artefact in use.

    Raises
    ------
    ArtefactError
        If a file is missing, the card cannot be understood, the model's hash is not the
        card's, or the model was trained with another preprocessing or other labels.
    """
    folder = folder or folder_in_use()
    onnx, remedy = folder / "inception_v3.onnx", _remedy(folder)
    try:
        card = read_card(folder / "card.json")
        digest = hashlib.sha256(onnx.read_bytes()).hexdigest()
    except OSError as error:
        raise ArtefactError(f"The model is incomplete: {error.filename} cannot be read. {remedy}") from error
    if digest != card.hashes["onnx"]:
        raise ArtefactError(f"The model file {onnx} is not the one its card describes. {remedy}")
    if card.preprocessing != PREPROCESSING or card.labels != labels():
        raise ArtefactError(f"The model in {folder} belongs to another version of Lungwise. Install both anew.")
    return Artefact(onnx=onnx, card=card)


def labels() -> dict[str, list[str]]:
    """The names behind the graph's outputs, in their order."""
    return {"appearance": list(APPEARANCES), "findings": list(FINDING_NAMES), "gate": list(GATE)}


@cache
def shipped_card() -> ModelCard:
    """The card of the model that reads here: the shipped one, unless the settings name another.

    Raises
    ------
    OSError, ArtefactError
        As `read_card`.
    """
    return read_card(folder_in_use() / "card.json")


def read_card(path: Path) -> ModelCard:
    """Read a card.

    Raises
    ------
    OSError
        If there is none.
    ArtefactError
        If it cannot be understood.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        thresholds = Thresholds(**fields["thresholds"])
        extent = calibration_from(fields["extent"]) if fields.get("extent") else None
        return ModelCard(**{**fields, "thresholds": thresholds, "extent": extent})
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"The card {path} cannot be understood ({error}). {_remedy(path.parent)}") from error


def write_card(card: ModelCard, path: Path) -> None:
    """Write a card, which takes its place in one move."""
    new = path.with_name(f"{path.name}.part")
    new.write_text(json.dumps(asdict(card), indent=1) + "\n", encoding="utf-8")
    new.replace(path)


def _remedy(folder: Path) -> str:
    return _INSTALL if folder == WEIGHTS else _EXPORT


def read_statement(folder: Path = WEIGHTS) -> Statement:
    """Read what is said of a model in words.

    Raises
    ------
    OSError
        If it is not there.
    ArtefactError
        If it cannot be understood.
    """
    path = folder / "statement.toml"
    try:
        return Statement(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ArtefactError(f"The statement {path} cannot be understood ({error}).") from error
