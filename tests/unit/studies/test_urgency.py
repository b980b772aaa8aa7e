from __future__ import annotations

from itertools import pairwise

from lungwise.studies.clinical_details import NO_DETAILS, ClinicalDetails
from lungwise.studies.urgency import HIGHEST_URGENCY, urgency_of


def test_who_lacks_oxygen_comes_first_and_who_is_normal_last() -> None:
    breathless = ClinicalDetails(spo2=85)
    order = [
        urgency_of("positive", "COVID-19", 1.0, breathless),
        urgency_of("negative", "", 0.1, breathless),
        urgency_of("positive", "COVID-19", 0.9, NO_DETAILS),
        urgency_of("negative", "tuberculosis", 0.1, NO_DETAILS),
        urgency_of("negative", "other pneumonia", 0.2, NO_DETAILS),
        urgency_of("negative", "", 0.1, NO_DETAILS, is_whole=False),
        urgency_of("refused", "", 0.0, NO_DETAILS),
        urgency_of("negative", "", 0.2, ClinicalDetails(spo2=98)),
        urgency_of("waiting", "", 0.0, NO_DETAILS),
    ]
    assert all(before > after for before, after in pairwise(order))
    assert order[0] <= HIGHEST_URGENCY
