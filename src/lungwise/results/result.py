"""What a version of the model said of one film, as the result objects tell it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from lungwise.films import Refusal
from lungwise.reading.reading import Verdict
from lungwise.receiving.own_results import DESCRIPTIONS, MANUFACTURER, result_uid
from lungwise.results.study_header import StudyHeader
from lungwise.studies.uids import own_uid

__all__ = ["MANUFACTURER", "RESEARCH", "SERIES", "Answer", "Result", "Series"]

IMPLEMENTATION_UID, IMPLEMENTATION_NAME = UID(own_uid("implementation")), "LUNGWISE"
"""How Lungwise names itself in associations and in files."""
RESEARCH = "For research use only. Not a diagnosis."


class Series(NamedTuple):
    """A series of results."""

    modality: str
    number: int
    description: str


SERIES: Final = {
    "SR": Series("SR", 8801, DESCRIPTIONS["SR"]),
    "SC": Series("OT", 8802, DESCRIPTIONS["SC"]),
    "PDF": Series("DOC", 8803, DESCRIPTIONS["PDF"]),
}
FILM: Final = Series("OT", 1, "Film as uploaded")
"""The series of a film that came without DICOM."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A probability with its verdict, the findings and the heat map, (n, n) in [0, 1]."""

    probability: float
    verdict: Verdict
    findings: dict[str, float]
    heat_map: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Result:
    """An answer, or the refusal of the film; whose it is, and when it was made."""

    outcome: Answer | Refusal
    model: str
    version: str
    made_at: datetime

    def uid(self, header: StudyHeader, *words: str) -> str:
        """Derive the UID of a part of this result: the same film, model and version give the same."""
        return result_uid(header.film_uid, self.model, self.version, *words)
