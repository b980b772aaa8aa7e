"""What a doctor concludes of a study, in the words of the findings."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from lungwise.reading.reading import Verdict
from lungwise.studies.answers import StudyAnswer


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
_DEFINITE = {Diagnosis.NORMAL, Diagnosis.COVID_19, Diagnosis.TUBERCULOSIS, Diagnosis.OTHER_PNEUMONIA}
_SUGGESTED = {one.value: one for one in (Diagnosis.TUBERCULOSIS, Diagnosis.OTHER_PNEUMONIA)}


def agreed_diagnosis(answer: StudyAnswer) -> Diagnosis | None:
    """Return what agreeing with a study's headline concludes: no more than that says; None where it has no verdict.

    A finding that is only possible, a faint COVID-19, and what is otherwise normal or of no known pattern where a film
    could not be read are uncertain.
    """
    if answer.is_waiting or not answer.read:
        return None
    if answer.verdict == Verdict.POSITIVE:
        return Diagnosis.COVID_19
    if answer.verdict == Verdict.UNCERTAIN:
        return Diagnosis.UNCERTAIN
    return _without_covid(answer)


def _without_covid(answer: StudyAnswer) -> Diagnosis:
    pattern = answer.leading.pattern
    if pattern is None:
        return Diagnosis.UNCERTAIN if answer.missing else Diagnosis.NORMAL
    if pattern in answer.suggested:
        return _SUGGESTED.get(pattern, Diagnosis.UNCERTAIN)
    return Diagnosis.UNCERTAIN if answer.possible or answer.missing else Diagnosis.NO_COVID_19


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


def gravest(verdicts: Iterable[str | None]) -> Verdict | None:
    """Return the gravest of the verdicts of a study's films; None where no film has one."""
    return max(map(Verdict, filter(None, verdicts)), key=lambda verdict: verdict.rank, default=None)


def agreement(conclusion: str, verdict: Verdict | None) -> bool | None:
    """Return whether a conclusion and a verdict say the same of COVID-19; None where one is missing or unsure."""
    concluded = as_verdict(conclusion)
    return None if {concluded, verdict} & {Verdict.UNCERTAIN, None} else concluded == verdict
