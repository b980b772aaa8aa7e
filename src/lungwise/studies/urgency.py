"""How urgent a study is: the order in which a doctor should look."""

from __future__ import annotations

from lungwise.reading.pattern import COVID
from lungwise.studies.models import Study, StudyStatus
from lungwise.studies.named_findings import names_in

HIGHEST_URGENCY = 8.0
LOW_SPO2 = 90
"""Per cent below which a pneumonia is severe (WHO, Clinical management of COVID-19, 2023)."""
_CALLED, _NOT_NORMAL, _NOT_READ, _NORMAL = 3, 2, 1, 0
_CONTAGIOUS = frozenset({COVID, "tuberculosis"})


def urgency_of(study: Study, *, is_whole: bool) -> float:
    """Return how urgent a study is, in [0, 8].

    First come patients with too little oxygen, then studies whose headline names COVID-19 or tuberculosis, as suggested
    or as possible, others that are not normal, films that could not be read, and normal ones; of equals, the likelier
    to show COVID-19.

    Parameters
    ----------
    is_whole
        Whether all films of the study could be read that it should say something of.
    """
    spo2 = study.clinical.spo2
    danger = spo2 is not None and spo2 < LOW_SPO2
    return 4 * danger + _level(study, is_whole=is_whole) + min(study.probability, 0.999)


def _level(study: Study, *, is_whole: bool) -> int:
    if study.status == StudyStatus.WAITING:
        return _NORMAL
    if study.status == StudyStatus.REFUSED:
        return _NOT_READ
    if _CONTAGIOUS.intersection(names_in(study.named_findings)):
        return _CALLED
    if study.pattern:
        return _NOT_NORMAL
    return _NORMAL if is_whole else _NOT_READ
