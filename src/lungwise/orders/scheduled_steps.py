"""Which scheduled step of the hospital's modality worklist a film answers, where that is beyond doubt (PS3.4, K)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from lungwise.orders.order import MODALITIES
from lungwise.patients.identity import IdentityRules, PatientFacts, contradictions

_DAYS_APART: Final = timedelta(days=1)
"""How far the day of a step may be from that of a film: one taken near midnight, or the morning after."""
_MODALITIES: Final = frozenset({*MODALITIES, "DR", "XR", ""})
"""What a chest film is scheduled as; some systems write names that are not the standard's."""


class LookupAnswer(StrEnum):
    """What came of asking for a film's accession number."""

    FOUND = "found"
    NONE = "none"
    SEVERAL = "several"
    OTHER_PATIENT = "other"
    UNNUMBERED = "unnumbered"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledStep:
    """One scheduled procedure step, as the worklist says it; '' or None for what it does not say."""

    accession: str
    study_uid: str
    modality: str
    day: date | None
    patient: PatientFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class UnnumberedFilm:
    """A film without an accession number: its study, when and of whom it was taken."""

    study_uid: str
    taken_on: date | None
    patient: PatientFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMatch:
    """What the worklist answers for a film; the accession number only where it was found."""

    answer: LookupAnswer
    accession: str = ""


def is_exact(identifier: str) -> bool:
    """Return whether a patient's identifier can be asked for: it is there, and not taken for wildcards or several."""
    return bool(identifier) and not any(letter in identifier for letter in "*?\\")


def match_step(film: UnnumberedFilm, steps: Sequence[ScheduledStep], rules: IdentityRules) -> StepMatch:
    """Find the accession number of a film.

    A step answers if it has the film's Study Instance UID; where none has, if its day and modality are plausible.
    Steps of several orders, or of a patient whose name, birth date or sex contradicts, leave it open.
    """
    its = [step for step in steps if _is_of_patient(step, film, rules)]
    named = [step for step in its if film.study_uid and step.study_uid == film.study_uid]
    possible = named or [step for step in its if _is_plausible(step, film)]
    if not possible:
        return StepMatch(answer=LookupAnswer.NONE)
    if any(contradictions(step.patient, film.patient) for step in possible):
        return StepMatch(answer=LookupAnswer.OTHER_PATIENT)
    accessions = {step.accession for step in possible}
    if len(accessions) > 1:
        return StepMatch(answer=LookupAnswer.SEVERAL)
    accession = accessions.pop()
    return StepMatch(answer=LookupAnswer.FOUND if accession else LookupAnswer.UNNUMBERED, accession=accession)


def _is_of_patient(step: ScheduledStep, film: UnnumberedFilm, rules: IdentityRules) -> bool:
    same = bool(film.patient.identifier) and step.patient.identifier == film.patient.identifier
    return same and not rules.is_of_another_issuer(step.patient, film.patient)


def _is_plausible(step: ScheduledStep, film: UnnumberedFilm) -> bool:
    if step.day is None or film.taken_on is None or step.modality not in _MODALITIES:
        return False
    return abs(step.day - film.taken_on) <= _DAYS_APART
