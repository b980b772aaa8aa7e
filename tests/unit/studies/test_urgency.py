from __future__ import annotations

from itertools import pairwise

from lungwise.studies.clinical_details import ClinicalDetails
from lungwise.studies.models import Study
from lungwise.studies.urgency import HIGHEST_URGENCY, urgency_of


def urgency(
    status: str, pattern: str, named: str, probability: float, spo2: int | None = None, *, is_whole: bool = True
) -> float:
    study = Study(key="s", status=status, pattern=pattern, named_findings=named, probability=probability)
    if spo2 is not None:
        study.clinical = ClinicalDetails(spo2=spo2)
    return urgency_of(study, is_whole=is_whole)


def test_who_lacks_oxygen_comes_first_and_who_is_normal_last() -> None:
    order = [
        urgency("positive", "COVID-19", "COVID-19", 1.0, 85),
        urgency("negative", "", "", 0.1, 85),
        urgency("positive", "COVID-19", "COVID-19", 0.9),
        urgency("negative", "tuberculosis", "tuberculosis", 0.1),
        urgency("negative", "other pneumonia", "other pneumonia", 0.2),
        urgency("negative", "", "", 0.1, is_whole=False),
        urgency("refused", "", "", 0.0),
        urgency("negative", "", "", 0.2, 98),
        urgency("waiting", "", "", 0.0),
    ]
    assert all(before > after for before, after in pairwise(order))
    assert order[0] <= HIGHEST_URGENCY


def test_tuberculosis_is_urgent_also_where_another_pneumonia_is_likelier() -> None:
    named = "other pneumonia|tuberculosis"
    both = urgency("negative", "other pneumonia", named, 0.1)
    assert both == urgency("negative", "tuberculosis", "tuberculosis", 0.1)
    assert both > urgency("negative", "other pneumonia", "other pneumonia", 0.9)


def test_a_film_that_looks_like_nothing_known_is_more_urgent_than_one_that_could_not_be_read() -> None:
    assert urgency("negative", "other", "", 0.0) > urgency("refused", "", "", 0.0)
