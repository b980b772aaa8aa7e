"""What a patient complains of, and how much oxygen the blood holds: what a film alone does not say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from lungwise.errors import Rejected

LOWEST_SPO2, HIGHEST_SPO2 = 40, 100
"""Per cent that a pulse oximeter can show of a patient who is alive."""
LONGEST_WORDS = 200


class Symptom(StrEnum):
    """The symptoms that tell a chest infection, in the order of the form."""

    FEVER = "fever"
    COUGH = "cough"
    SHORT_OF_BREATH = "short of breath"
    CHEST_PAIN = "chest pain"
    BLOOD = "coughing blood"
    WEIGHT_LOSS = "weight loss"
    NIGHT_SWEATS = "night sweats"
    NO_SMELL = "loss of smell or taste"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalDetails:
    """What is known beside the films.

    Parameters
    ----------
    other
        Symptoms in the person's own words, and since when.
    spo2
        Oxygen saturation by pulse oximeter, in per cent.

    Raises
    ------
    Rejected
        If the saturation cannot be right, or there are symptoms and none at once.
    """

    symptoms: tuple[Symptom, ...] = ()
    other: str = ""
    spo2: int | None = None

    def __post_init__(self) -> None:
        if self.spo2 is not None and not LOWEST_SPO2 <= self.spo2 <= HIGHEST_SPO2:
            raise Rejected("SpO2 is a number from %(lowest)s to %(highest)s.", lowest=LOWEST_SPO2, highest=HIGHEST_SPO2)
        if Symptom.NONE in self.symptoms and (len(self.symptoms) > 1 or self.other):
            raise Rejected("Choose either symptoms or “No symptoms”.")

    def as_json(self) -> str:
        """Write as a row keeps it; nothing where nothing is known."""
        if self == NO_DETAILS:
            return ""
        return json.dumps({"symptoms": list(self.symptoms), "other": self.other, "spo2": self.spo2})

    @classmethod
    def from_json(cls, text: str) -> ClinicalDetails:
        """Read what `as_json` has written."""
        if not text:
            return cls()
        said = json.loads(text)
        symptoms = tuple(Symptom(name) for name in said["symptoms"])
        return cls(symptoms=symptoms, other=said["other"], spo2=said["spo2"])


NO_DETAILS = ClinicalDetails()
"""Nothing is known."""
