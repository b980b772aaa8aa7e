from __future__ import annotations

import pytest

from lungwise.reading.reading import Verdict
from lungwise.studies.diagnosis import CHOICES, Diagnosis, agreed_diagnosis, as_verdict
from lungwise.studies.labels import CONCLUSIONS


@pytest.mark.parametrize("verdict", Verdict)
def test_who_agrees_concludes_what_the_verdict_says(verdict: Verdict) -> None:
    for pattern in ("", "COVID-19", "tuberculosis", "other pneumonia", "other"):
        concluded = agreed_diagnosis(verdict, pattern)
        assert concluded is not None
        assert as_verdict(concluded) is verdict


def test_a_study_without_a_verdict_has_nothing_to_agree_with() -> None:
    assert agreed_diagnosis("waiting", "") is None


def test_who_agrees_that_it_looks_like_tuberculosis_concludes_that() -> None:
    assert agreed_diagnosis("negative", "tuberculosis") is Diagnosis.TUBERCULOSIS
    assert agreed_diagnosis("negative", "") is Diagnosis.NORMAL
    assert agreed_diagnosis("negative", "other") is Diagnosis.NO_COVID_19


def test_every_other_disease_is_no_covid_19() -> None:
    assert as_verdict(Diagnosis.TUBERCULOSIS) is Verdict.NEGATIVE
    assert {as_verdict(one) for one in Diagnosis} == set(Verdict)


def test_a_form_offers_what_has_a_name() -> None:
    assert set(CHOICES) == set(Diagnosis) - {Diagnosis.NO_COVID_19}
    assert set(CONCLUSIONS) == set(Diagnosis)
