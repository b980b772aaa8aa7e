from __future__ import annotations

import pytest

from lungwise.reading.reading import Verdict
from lungwise.studies.diagnosis import CHOICES, Diagnosis, agreed_diagnosis, as_verdict, contradicts
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


def test_who_agrees_that_a_film_is_not_normal_does_not_conclude_that_it_is() -> None:
    ill = (Diagnosis.COVID_19, Diagnosis.TUBERCULOSIS, Diagnosis.OTHER_PNEUMONIA)
    assert all(contradicts(one, Diagnosis.NORMAL) and contradicts(Diagnosis.NORMAL, one) for one in ill)
    assert contradicts(Diagnosis.TUBERCULOSIS, Diagnosis.COVID_19)


def test_who_agrees_may_say_more_than_the_verdict() -> None:
    assert not any(contradicts(one, one) or contradicts(one, None) or contradicts(None, one) for one in Diagnosis)
    assert not any(contradicts(one, Diagnosis.OTHER) or contradicts(one, Diagnosis.UNCERTAIN) for one in Diagnosis)
    assert not contradicts(Diagnosis.OTHER_PNEUMONIA, Diagnosis.TUBERCULOSIS)  # where the headline names both
    assert not any(contradicts(Diagnosis.UNCERTAIN, one) for one in Diagnosis)
