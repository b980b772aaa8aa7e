"""The reference tests there are, why they are done, and what each may find."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from lungwise.studies.diagnosis import Diagnosis


class ReferenceTest(StrEnum):
    """Which test it was; a radiologist's reading of the film is one, too."""

    PCR = "pcr"
    XPERT = "xpert"
    SPUTUM = "sputum"
    RADIOLOGIST = "radiologist"


class Outcome(StrEnum):
    """What the test found."""

    NEGATIVE = "negative"
    POSITIVE = "positive"


class Reason(StrEnum):
    """Why the test was done: those tested because of the film are not those tested anyway.

    `SAMPLE` is a study drawn by lot to be checked, whatever the film said.
    """

    SYMPTOMS = "symptoms"
    CONTACT = "contact"
    ROUTINE = "routine"
    FILM = "film"
    SAMPLE = "sample"


Result = Outcome | Diagnosis
SEEN = (
    Diagnosis.NORMAL,
    Diagnosis.COVID_19,
    Diagnosis.TUBERCULOSIS,
    Diagnosis.OTHER_PNEUMONIA,
    Diagnosis.OTHER,
)
"""What a radiologist's reading may say."""


def results_of(kind: ReferenceTest) -> tuple[Result, ...]:
    """Return the results that a test may have."""
    return SEEN if kind is ReferenceTest.RADIOLOGIST else tuple(Outcome)


def result_from(word: str) -> Result:
    """Return the result that a word names.

    Raises
    ------
    ValueError
        If it names none.
    """
    return Outcome(word) if word in set(Outcome) else Diagnosis(word)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredResult:
    """One result as somebody enters it."""

    kind: ReferenceTest
    result: Result
    tested_on: date
    reason: Reason | None = None
