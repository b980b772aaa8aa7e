from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.errors import Rejected
from lungwise.studies.clinical_details import NO_DETAILS, ClinicalDetails, Symptom

SYMPTOMS = st.lists(st.sampled_from([one for one in Symptom if one is not Symptom.NONE]), unique=True).map(tuple)


@given(SYMPTOMS, st.text(max_size=200), st.none() | st.integers(40, 100))
def test_what_is_written_is_read(symptoms: tuple[Symptom, ...], other: str, spo2: int | None) -> None:
    details = ClinicalDetails(symptoms=symptoms, other=other, spo2=spo2)
    assert ClinicalDetails.from_json(details.as_json()) == details


def test_nothing_known_is_nothing_written() -> None:
    assert NO_DETAILS.as_json() == ""
    assert ClinicalDetails.from_json("") == NO_DETAILS


@pytest.mark.parametrize("spo2", [-1, 9, 39, 101])
def test_a_saturation_that_cannot_be_right_is_rejected(spo2: int) -> None:
    with pytest.raises(Rejected, match="from 40 to 100"):
        ClinicalDetails(spo2=spo2)


def test_nobody_has_symptoms_and_none() -> None:
    assert ClinicalDetails(symptoms=(Symptom.NONE,)).symptoms
    with pytest.raises(Rejected, match="No symptoms"):
        ClinicalDetails(symptoms=(Symptom.NONE, Symptom.FEVER))
