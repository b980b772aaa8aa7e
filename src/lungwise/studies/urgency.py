"""How urgent a study is: the order in which a doctor should look."""

from __future__ import annotations

from lungwise.reading.pattern import COVID
from lungwise.studies.clinical_details import ClinicalDetails
from lungwise.studies.models import StudyStatus

HIGHEST_URGENCY = 8.0
LOW_SPO2 = 90
"""Per cent below which a pneumonia is severe (WHO, Clinical management of COVID-19, 2023)."""
_CALLED, _NOT_NORMAL, _NOT_READ, _NORMAL = 3, 2, 1, 0
_CONTAGIOUS = frozenset({COVID, "tuberculosis"})


def urgency_of(
    status: str, pattern: str, probability: float, details: ClinicalDetails, *, is_whole: bool = True
) -> float:
    """Return how urgent a study is, in [0, 8].

    First come patients with too little oxygen, then films that look like COVID-19 or tuberculosis, others that are not
    normal, films that could not be read, and normal ones; of equals, the likelier to show COVID-19.

    Parameters
    ----------
    is_whole
        Whether all films of the study could be read that it should say something of.
    """
    danger = details.spo2 is not None and details.spo2 < LOW_SPO2
    level = _level(status, pattern)
    if level == _NORMAL and not is_whole and status != StudyStatus.WAITING:
        level = _NOT_READ
    return 4 * danger + level + min(probability, 0.999)


def _level(status: str, pattern: str) -> int:
    if status == StudyStatus.WAITING:
        return _NORMAL
    if status == StudyStatus.REFUSED:
        return _NOT_READ
    if pattern in _CONTAGIOUS or status == StudyStatus.POSITIVE:
        return _CALLED
    return _NOT_NORMAL if pattern or status != StudyStatus.NEGATIVE else _NORMAL
