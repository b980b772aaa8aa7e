"""Constructed films, readings and a reader whose answers are known by hand."""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lungwise.evaluation.results import EvaluatedFilm, FilmReader
from lungwise.evaluation.sources import Controlled
from lungwise.films import Film, Refusal, open_film
from lungwise.films.collection import LabelledFilm
from lungwise.reading import Artefact, ReadFile, Reading, Verdict
from lungwise.reading.artefact import ModelCard, Thresholds, labels
from lungwise.reading.findings import FINDING_NAMES
from lungwise.reading.pattern import normal_of, pattern_of, raised

T = TypeVar("T")

NEGATIVE, TYPICAL = "negative for pneumonia", "typical appearance"


@pytest.fixture
def film() -> Callable[..., LabelledFilm]:
    """A SIIM film negative for pneumonia, but for what is said otherwise."""
    plain = LabelledFilm(
        path=Path("films/1.png"),
        split="test",
        source="siim",
        group="same-source",
        patient="1",
        covid=False,
        label=NEGATIVE,
        finding=NEGATIVE,
        view="",
        adult=True,
        boxes=(),
    )
    return lambda **said: replace(plain, **said)


@pytest.fixture
def reading() -> Callable[..., Reading]:
    return _reading


def _reading(probability: float = 0.5, heat_map: NDArray[np.float32] | None = None, **findings: float) -> Reading:
    verdict = Verdict.NEGATIVE if probability < 0.3 else Verdict.POSITIVE if probability >= 0.7 else Verdict.UNCERTAIN
    said = dict.fromkeys(FINDING_NAMES, probability) | findings
    return Reading(
        probability=probability,
        verdict=verdict,
        appearance={"negative": 1 - probability, "typical": probability, "indeterminate": 0.0, "atypical": 0.0},
        findings=said,
        normal=normal_of(said, {}),
        pattern=pattern_of(said, verdict, {}),
        raised=raised(said, verdict, {}),
        heat_map=np.full((17, 17), 0.5, np.float32) if heat_map is None else heat_map,
        quarter_turns=0,
        model="inception_v3",
        version="1.0.0",
    )


@pytest.fixture
def result(film: Callable[..., LabelledFilm]) -> Callable[..., EvaluatedFilm]:
    """One row of the table: a probability or a Refusal, and what is said of the film."""

    def make(outcome: float | Refusal, **said: object) -> EvaluatedFilm:
        given = outcome if isinstance(outcome, Refusal) else _reading(outcome)
        return EvaluatedFilm(film=film(**said), outcome=given)

    return make


@pytest.fixture
def card() -> ModelCard:
    return ModelCard(
        name="inception_v3",
        version="1.0.0",
        created="2026-01-02",
        preprocessing="grey",
        labels=labels(),
        thresholds=Thresholds(lower=0.3, upper=0.7),
        gate=0.5,
        calibration={"temperature": 1.5},
        hashes={"onnx": "0" * 64, "init": None},
        training={"recipe": {"batch": 32}, "epochs": [{"epoch": 0, "loss": 0.51234}]},
        metrics={"val": {"auc_int8": 0.93}},
        intended_use="A second look.",
        limits=["Few films."],
        data=[{"source": "siim", "use": "research only"}],
    )


class LungBrightness:
    """Reads how bright the middle of a film is; refuses a film that is black all over."""

    def __init__(self, card: ModelCard) -> None:
        self.artefact = Artefact(onnx=Path("inception_v3.onnx"), card=card)

    def read_many(self, paths: Iterable[Path]) -> Iterator[ReadFile]:
        for path in paths:
            film = open_film(path.read_bytes())
            refused = Refusal("not-chest", {"sentence": "This is no chest film."}) if film.pixels.max() == 0 else None
            yield ReadFile(path=path, outcome=refused or self.predict_ungated(film), milliseconds=1.0)

    def predict_ungated(self, film: Film) -> Reading:
        height, width = film.pixels.shape
        middle = film.pixels[height // 4 : -(height // 4), width // 4 : -(width // 4)]
        return _reading(float(middle.mean()))


@pytest.fixture
def reader(card: ModelCard) -> FilmReader:
    return LungBrightness(card)


@pytest.fixture
def untracked() -> Callable[[Iterable[T], str, int], Iterable[T]]:
    return lambda items, what, of: items


@pytest.fixture
def uncontrolled() -> Controlled:
    """No controls: their films lie on no disk."""
    return lambda results: []


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A small `films.csv` with its films and lung masks: typical films are bright in the middle."""
    rows = [
        *(_siim(tmp_path, "test", number, number % 2 == 0) for number in range(20)),
        *(_siim(tmp_path, "val", number, ill=False) for number in range(20, 30)),
        *(_other(tmp_path, "hannover", "positive-only", number, 0.9, "1", "COVID-19") for number in range(30, 34)),
        *(_other(tmp_path, "delhi", "negative-only", number, 0.1, "0", "normal") for number in range(40, 44)),
        *(_other(tmp_path, "delhi", "negative-only", number, 0.5, "0", "tuberculosis") for number in range(44, 47)),
        *(_tested(tmp_path, number, grey) for number, grey in enumerate((0.9, 0.2, 0.5), 47)),
        _other(tmp_path, "ood-photo", "ood", 50, 0.0, "", "photo"),
    ]
    with (tmp_path / "films.csv").open("w", newline="") as table:
        writer = csv.DictWriter(table, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "lungs").mkdir()
    _draw(tmp_path / "lungs" / "1.png", 1.0)
    return tmp_path / "films.csv"


def _siim(folder: Path, split: str, number: int, ill: bool) -> dict[str, str]:
    label = TYPICAL if ill else NEGATIVE
    row = _row(folder, split, "siim", "same-source", number, 0.9 if ill else 0.2, str(int(ill)), label)
    return row | {"patient": f"p{number // 2}", "boxes": json.dumps([[0.25, 0.25, 0.5, 0.5]]) if ill else ""}


def _other(folder: Path, source: str, group: str, number: int, grey: float, covid: str, label: str) -> dict[str, str]:
    return _row(folder, "external", source, group, number, grey, covid, label) | {"view": "pa"}


def _tested(folder: Path, number: int, grey: float) -> dict[str, str]:
    """A film of one of two patients with a positive PCR test."""
    row = _other(folder, "ricord", "positive-only", number, grey, "1", "COVID-19")
    return row | {"split": "test", "patient": f"r{number // 49}"}


def _row(
    folder: Path, split: str, source: str, group: str, number: int, grey: float, covid: str, label: str
) -> dict[str, str]:
    _draw(folder / f"{number}.png", grey)
    said = {"film": f"{number}.png", "split": split, "source": source, "group": group, "patient": "", "covid": covid}
    return said | {"label": label, "finding": label, "view": "", "adult": "1", "boxes": ""}


def _draw(path: Path, grey: float) -> None:
    """The middle of the film in a grey, with some detail of its own, in a dim frame; black altogether of grey 0."""
    pixels = np.full((128, 96), 0.05 if grey else 0.0)
    detail = np.random.default_rng(zlib.crc32(path.name.encode())).normal(0, 0.03, (13, 10))
    middle = np.kron(detail - detail[3:-3, 2:-2].mean(), np.ones((8, 8)))
    pixels[12:-12, 8:-8] = np.clip(grey + middle, 0, 1) if grey else 0
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(path)
