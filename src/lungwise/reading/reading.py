"""A Reading: what the model says of one film. It never changes once made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lungwise.films import Refusal, header
from lungwise.films.film import BODY_PART


class Verdict(StrEnum):
    """The answer at the shipped thresholds; uncertain means refer."""

    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"
    POSITIVE = "positive"


class Caution(NamedTuple):
    """Something to know before a reading is believed: a code for programs and one sentence for people."""

    code: str
    sentence: str


PHOTOGRAPH = Caution(
    "photograph",
    "This was a photograph of a film: it was cut out and straightened. The original file is read more surely.",
)
TURNED_UPRIGHT = Caution("turned-upright", "The film lay on its side or its head, and was turned upright to be read.")
CHILD = Caution("child", "The patient is a child. Lungwise learnt from films of adults: do not rely on this reading.")
IMPOSSIBLE_DATE = Caution(
    header.IMPOSSIBLE_DATE,
    "A date in the film's header cannot be right: of birth or of the study. Check whose film this is, and their age.",
)
UNREADABLE_AGE = Caution(
    header.UNREADABLE_AGE,
    "The age in the film's header cannot be understood. If the patient is a child, do not rely on this reading.",
)
OTHER_BODY_PART = Caution(
    BODY_PART, "The film's header names another part of the body; the picture looks like a chest, and was read as one."
)
OF_HEADERS = {caution.code: caution for caution in (IMPOSSIBLE_DATE, UNREADABLE_AGE, OTHER_BODY_PART)}
"""By the codes that a film's header is warned of with."""


@dataclass(frozen=True, slots=True)
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
        Probability of each finding, each on its own.
    heat_map
        (17, 17) in [0, 1]: airspace opacity, place by place, rows from the top.
    quarter_turns
        How many quarter turns to the left the film lay off upright; the heat map lies as the film does.
    model
        The artefact's name.
    version
        The artefact's version.
    warnings
        What to know before the reading is believed.
    """

    probability: float
    verdict: Verdict
    appearance: dict[str, float]
    findings: dict[str, float]
    heat_map: NDArray[np.float32]
    quarter_turns: int
    model: str
    version: str
    warnings: tuple[Caution, ...] = ()

    @property
    def hot_spot(self) -> tuple[float, float]:
        """Where the heat map is highest: x and y as fractions of the film."""
        row, column = divmod(int(self.heat_map.argmax()), self.heat_map.shape[1])
        return (column + 0.5) / self.heat_map.shape[1], (row + 0.5) / self.heat_map.shape[0]


def outcome_of(read: Callable[[], Reading]) -> Reading | Refusal:
    """What comes of reading: a refusal is an answer, too.

    It comes without its traceback, which would keep the film in memory: whoever holds the answer
    stands in the traceback, and so the two keep each other.
    """
    try:
        return read()
    except Refusal as refusal:
        return refusal.with_traceback(None)
