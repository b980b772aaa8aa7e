"""What a labelled film teaches: its appearance, its findings and how it lies, each only where it is known.

Labels may be softened by the predictions of other networks that have not seen the film's patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lungwise.films.collection import Box, LabelledFilm
from lungwise.reading.artefact import APPEARANCES, GATE
from lungwise.reading.findings import FINDING_NAMES

UNLABELLED = -1
"""The class index of a target that a source does not give."""

Probabilities = NDArray[np.float32]


class Prediction(NamedTuple):
    """What networks say of a film."""

    appearance: Probabilities
    """(4,) that sum to 1."""
    findings: Probabilities
    """(findings,) each on its own."""


Predictions = Mapping[Path, Prediction]

_DISEASES = ("COVID-19", "other pneumonia", "tuberculosis")
_SAYS: dict[str, tuple[str, tuple[str, ...]]] = {
    "normal": ("normal", _DISEASES),
    "COVID-19": ("COVID-19", ("normal", "other pneumonia", "tuberculosis")),
    "pneumonia": ("other pneumonia", ("normal", "COVID-19", "tuberculosis")),
    "tuberculosis": ("tuberculosis", ("normal", "COVID-19", "other pneumonia")),
    "negative for pneumonia": ("", _DISEASES),
    "typical appearance": ("COVID-19", ("normal", "other pneumonia", "tuberculosis")),
    "indeterminate appearance": ("", ("normal", "tuberculosis")),
    "atypical appearance": ("", ("normal", "tuberculosis")),
    "other": ("other pneumonia", ("normal", "COVID-19", "tuberculosis")),
    "ARDS": ("", ("normal", "COVID-19", "tuberculosis")),
    "opacity": ("", ("normal", "COVID-19", "tuberculosis")),
    "other finding": ("", ("normal", *_DISEASES)),
}
"""The finding that a label says, and those that it excludes; it says nothing of any other."""

_NOT_TYPICAL = {
    "normal": "negative",
    "pneumonia": "atypical",
    "tuberculosis": "atypical",
    "opacity": "atypical",
    "other finding": "negative",
    "other": "atypical",
    "COVID-19": "typical",
}
"""What a film outside SIIM is where a network takes it for typical, by its published diagnosis.

No source is given one appearance: the prediction keeps its share of the others, so that the look of a
source does not stand for its label. An infected patient may have a clear film: that prediction is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftLabels:
    """Labels softened by predictions.

    Parameters
    ----------
    predictions
        Of networks that have not seen the film's patient.
    smoothing
        The prediction's share of a label: radiologists disagree on one in ten.
    correction
        Share of the predicted typical appearance that a film of another known diagnosis loses.
    """

    predictions: Predictions
    smoothing: float
    correction: float = 1.0

    def appearance(self, film: LabelledFilm) -> Probabilities:
        """(4,) probabilities to be learnt; NaN where neither a label nor a prediction says anything."""
        predicted, label = self.predictions.get(film.path), targets_of(film)[0]
        if label != UNLABELLED:
            other = predicted.appearance if predicted else np.full(len(APPEARANCES), 1 / len(APPEARANCES), np.float32)
            return self._mixed(np.eye(len(APPEARANCES), dtype=np.float32)[label], other)
        diagnosis = "normal" if film.finding == "No Finding" else film.label
        if predicted is None or not film.adult or diagnosis not in _NOT_TYPICAL:
            return np.full(len(APPEARANCES), np.nan, np.float32)
        return _moved(predicted.appearance, _NOT_TYPICAL[diagnosis], self.correction)

    def findings(self, film: LabelledFilm) -> Probabilities:
        """(findings,) probabilities to be learnt; NaN where neither a label nor a prediction says anything."""
        predicted, known = self.predictions.get(film.path), targets_of(film)[1]
        if predicted is None:
            return known
        return np.where(np.isnan(known), predicted.findings, self._mixed(known, predicted.findings))

    def _mixed(self, label: Probabilities, predicted: Probabilities) -> Probabilities:
        mixed: Probabilities = (1 - self.smoothing) * label + self.smoothing * predicted
        return mixed


LABELS_ALONE = SoftLabels(predictions={}, smoothing=0.0)


def targets_of(film: LabelledFilm) -> tuple[int, Probabilities, int]:
    """The appearance, the findings (1, 0 or NaN) and the gate's class that a film's label supports."""
    appearance = film.label.split()[0] if film.source == "siim" else ""
    index = APPEARANCES.index(appearance) if appearance in APPEARANCES else UNLABELLED
    return index, _findings_of(film), _gate_of(film)


def boxes_of(film: LabelledFilm) -> tuple[Box, ...] | None:
    """Where radiologists saw opacities; None where nobody looked."""
    return film.boxes or (() if film.label in ("normal", "negative for pneumonia") else None)


def _findings_of(film: LabelledFilm) -> Probabilities:
    other = {"No Finding": "normal", "ARDS": "ARDS"}.get(film.finding, "other")
    present, absent = _SAYS.get(other if film.label == "other" else film.label, ("", ()))
    known = {present: 1.0} | dict.fromkeys(absent, 0.0)
    return np.array([known.get(name, np.nan) for name in FINDING_NAMES], np.float32)


def _gate_of(film: LabelledFilm) -> int:
    if film.label == "lateral":
        return GATE.index("lateral")
    return GATE.index("other" if film.group == "ood" else "upright")


def _moved(prediction: Probabilities, name: str, share: float) -> Probabilities:
    """The prediction with a share of the probability of the typical appearance given to another."""
    moved = prediction.astype(np.float32).copy()
    given = moved[APPEARANCES.index("typical")] * share
    moved[APPEARANCES.index("typical")] -= given
    moved[APPEARANCES.index(name)] += given
    return moved
