"""A Reading: what the model says of one film. It never changes once made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lungwise.films import Refusal
from lungwise.reading.extent import Extent
from lungwise.reading.own_thresholds import OwnThresholds


class Verdict(StrEnum):
    """The model's answer at the shipped thresholds; uncertain means refer."""

    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"
    POSITIVE = "positive"

    @property
    def rank(self) -> int:
        """How grave it is: a positive one has the highest."""
        return list(Verdict).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """Whether a film is normal: the calibrated probability, and whether it reaches the card's threshold."""

    probability: float
    called: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFacts:
    """What a picture is like, whatever is on it: by these it is seen whether a clinic's pictures have changed.

    Parameters
    ----------
    gate
        Probability, as the network says, that it is an upright frontal chest film.
    grey, contrast
        Its middle grey level, and how far the darkest and the brightest are apart, in [0, 1], before stretching.
    """

    gate: float
    grey: float
    contrast: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the model says of one film.

    Parameters
    ----------
    probability
        Calibrated probability of COVID-19 (of its typical appearance) in [0, 1].
    verdict
        Where the probability lies against the two shipped thresholds.
    appearance
        Probability of each of the radiologists' appearances; they sum to 1.
    findings
        Calibrated probability of each finding, each on its own; that of COVID-19 is `probability`.
    normal
        Whether the film is normal.
    pattern
        The finding that the film looks like, `other` where it looks like none and is not called normal, None where it
        is normal; see `reading.pattern`.
    raised
        Names of the findings that its thresholds raise, as `reading.pattern.raised` gives them.
    heat_map
        (17, 17) in [0, 1]: airspace opacity, cell by cell, rows from the top.
    quarter_turns
        How many quarter turns to the left the film lay off upright; the heat map lies as the film does.
    model
        The artefact's name.
    version
        The artefact's version.
    thresholds
        The clinic's own that it was given by; None of the card's.
    model_findings
        What the model said of each finding before a clinic's own calibration; None where `findings` is that.
    warnings
        Codes of what to know before relying on the reading; their sentences are in `films.refusals`.
    extent
        How much of the lungs is opaque; None where the model does not say it.
    view
        AP or PA, where the file says.
    picture
        What the picture is like; None where the reader does not say it.
    """

    probability: float
    verdict: Verdict
    appearance: dict[str, float]
    findings: dict[str, float]
    normal: Normal
    pattern: str | None
    raised: tuple[str, ...]
    heat_map: NDArray[np.float32]
    quarter_turns: int
    model: str
    version: str
    warnings: tuple[str, ...] = ()
    thresholds: OwnThresholds | None = None
    model_findings: dict[str, float] | None = None
    extent: Extent | None = None
    view: str | None = None
    picture: PictureFacts | None = None

    @property
    def hot_spot(self) -> tuple[float, float]:
        """Where the heat map is highest: x and y as fractions of the film."""
        row, column = divmod(int(self.heat_map.argmax()), self.heat_map.shape[1])
        return (column + 0.5) / self.heat_map.shape[1], (row + 0.5) / self.heat_map.shape[0]


def verdict(probability: float, lower: float, upper: float) -> Verdict:
    """Negative below `lower`, positive from `upper` on, uncertain between."""
    if probability < lower:
        return Verdict.NEGATIVE
    return Verdict.POSITIVE if probability >= upper else Verdict.UNCERTAIN


def outcome_of(read: Callable[[], Reading]) -> Reading | Refusal:
    """Return the reading, or the refusal that was raised.

    The refusal loses its traceback, which would keep the film in memory: the frames in it refer to
    whatever holds the refusal.
    """
    try:
        return read()
    except Refusal as refusal:
        return refusal.with_traceback(None)
