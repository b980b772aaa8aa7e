"""Which question is asked of which source.

A source that holds only one class gives shares alone. An AUC needs both kinds of films from one
place: across places it would measure the place.
"""

from __future__ import annotations

from typing import NamedTuple

from lungwise.films.collection import LabelledFilm
from lungwise.reading import Reading
from lungwise.reading.findings import FINDING_NAMES

SPLITS = ("train", "val", "test", "external")
DEFAULT_SPLITS = ("test", "external")

PROBABILITY = "probability"
ABNORMAL = "1 - appearance: negative"


class Question(NamedTuple):
    """Which labels of a source are parted by which score.

    Parameters
    ----------
    source
        The one source whose films are compared.
    name
        As it is printed.
    positive, negative
        The labels on either side; films of other labels are left out.
    score
        `PROBABILITY`, `ABNORMAL`, or one of the model's findings.
    """

    source: str
    name: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    score: str


_TYPICAL = ("typical appearance",)
_ABNORMAL = ("typical appearance", "indeterminate appearance", "atypical appearance")
_NEGATIVE = ("negative for pneumonia",)
OTHER_DISEASE = ("pneumonia", "opacity", "other finding")
"""Labels of films that are not normal, and of neither COVID-19 nor tuberculosis."""

QUESTIONS = (
    Question("siim", "typical appearance against negative", _TYPICAL, _NEGATIVE, PROBABILITY),
    Question("siim", "any abnormal appearance against negative", _ABNORMAL, _NEGATIVE, ABNORMAL),
    Question("siim", "typical appearance against negative", _TYPICAL, _NEGATIVE, "COVID-19"),
    Question("cohen-radiopaedia.org", "COVID-19 against other", ("COVID-19",), ("other",), PROBABILITY),
    Question("cohen-radiopaedia.org", "COVID-19 against other", ("COVID-19",), ("other",), "COVID-19"),
    Question("cohen-radiopaedia.org", "other against COVID-19", ("other",), ("COVID-19",), "other pneumonia"),
    Question("nih", "pneumonia against normal", ("pneumonia",), ("normal",), "other pneumonia"),
    Question("nih", "normal against pneumonia", ("normal",), ("pneumonia",), "normal"),
    Question("chexpert", "normal against not normal", ("normal",), OTHER_DISEASE, "normal"),
    Question("delhi", "tuberculosis against normal", ("tuberculosis",), ("normal",), "tuberculosis"),
    Question("delhi", "normal against tuberculosis", ("normal",), ("tuberculosis",), "normal"),
    Question("kermany-children", "pneumonia against normal", ("pneumonia",), ("normal",), "other pneumonia"),
    Question("kermany-children", "normal against pneumonia", ("normal",), ("pneumonia",), "normal"),
)

CONTROLLED = QUESTIONS[0]
"""The question that is asked again of photographs, and whose negatives choose the operating point."""

PCR_POSITIVE = "ricord"
"""The source whose films are of patients with a positive PCR test, whatever they look like."""

WITHOUT_LUNGS, BORDER_ALONE = "lungs blacked out", "only the border kept"
CONTROLS = (WITHOUT_LUNGS, BORDER_ALONE)
"""What is removed from films before every question is asked again."""

HIGHEST_BORDER_AUC = 0.6
"""Where the border alone has more, its whole interval above this, a question says nothing of lungs."""

OPERATING_SPLIT = "val"
OPERATING_SPECIFICITY = 0.9


def is_controlled(film: LabelledFilm) -> bool:
    """Whether the controlled question is asked of the film."""
    return film.source == CONTROLLED.source and film.label in CONTROLLED.positive + CONTROLLED.negative


def chooses_operating_point(film: LabelledFilm) -> bool:
    """Whether the film helps to choose the threshold at which sources of one class are compared."""
    return film.split == OPERATING_SPLIT and film.source == CONTROLLED.source and film.label in CONTROLLED.negative


LEFT_OUT = (CONTROLLED.source, "cohen", "cohen-radiopaedia.org")
"""The sources with COVID-19 and without, as they are reported: each is left out in turn."""


def fits_head(film: LabelledFilm) -> bool:
    """Whether a light head may learn from the film: never from an external source, never from `test`."""
    return film.split in ("train", "val")


def question(source: str, name: str, score: str = PROBABILITY) -> Question:
    """Return one of `QUESTIONS`."""
    return next(q for q in QUESTIONS if (q.source, q.name, q.score) == (source, name, score))


def reported_as(source: str) -> str:
    """The name a source is reported under: the hosts of one mixed collection are pooled as `cohen`."""
    pooled = source.startswith("cohen-") and source != "cohen-radiopaedia.org"
    return "cohen" if pooled else source


def score_of(reading: Reading, score: str) -> float:
    """The number a question ranks films by.

    Raises
    ------
    ValueError
        If the model gives no such score.
    """
    if score == PROBABILITY:
        return reading.probability
    if score == ABNORMAL:
        return 1 - reading.appearance["negative"]
    if score not in FINDING_NAMES:
        raise ValueError(f"No score is called {score!r}.")
    return reading.findings[score]
