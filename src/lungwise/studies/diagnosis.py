"""What a doctor concludes of a study, in the words of the findings."""

from __future__ import annotations

from enum import StrEnum

from lungwise.reading.reading import Verdict


class Diagnosis(StrEnum):
    """What a doctor concludes; `OTHER` comes with words of the doctor's own.

    `NO_COVID_19` is what agreeing says where a film is not normal but looks like no finding.
    """

    NORMAL = "normal"
    COVID_19 = "COVID-19"
    TUBERCULOSIS = "tuberculosis"
    OTHER_PNEUMONIA = "other pneumonia"
    OTHER = "other"
    UNCERTAIN = "uncertain"
    NO_COVID_19 = "no COVID-19"


CHOICES = tuple(one for one in Diagnosis if one is not Diagnosis.NO_COVID_19)
"""What a form offers."""
_AGREED = {Verdict.POSITIVE: Diagnosis.COVID_19, Verdict.UNCERTAIN: Diagnosis.UNCERTAIN}
_DEFINITE = {Diagnosis.NORMAL, Diagnosis.COVID_19, Diagnosis.TUBERCULOSIS, Diagnosis.OTHER_PNEUMONIA}
_PATTERNS = {"": Diagnosis.NORMAL} | {one.value: one for one in (Diagnosis.TUBERCULOSIS, Diagnosis.OTHER_PNEUMONIA)}


def agreed_diagnosis(verdict: str, pattern: str) -> Diagnosis | None:
    """Return what agreeing with a study's verdict and pattern concludes; None where it has no verdict."""
    if verdict == Verdict.NEGATIVE:
        return _PATTERNS.get(pattern, Diagnosis.NO_COVID_19)
    return _AGREED.get(Verdict(verdict)) if verdict in set(Verdict) else None


def contradicts(agreed: Diagnosis | None, concluded: Diagnosis | None) -> bool:
    """Return whether nobody can mean both: a normal film that shows a disease, or COVID-19 and another disease alone.

    Of several findings that a headline names, only one is what agreeing concludes: another of them contradicts nothing.
    """
    different = {agreed, concluded} <= _DEFINITE and agreed != concluded
    return different and bool({agreed, concluded} & {Diagnosis.NORMAL, Diagnosis.COVID_19})


def as_verdict(diagnosis: str) -> Verdict:
    """Return a diagnosis as a verdict on COVID-19, to be compared with the model's."""
    by_value = {Diagnosis.COVID_19: Verdict.POSITIVE, Diagnosis.UNCERTAIN: Verdict.UNCERTAIN}
    return by_value.get(Diagnosis(diagnosis), Verdict.NEGATIVE)
