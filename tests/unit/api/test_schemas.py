from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from lungwise.api import opinion_schemas, schemas
from lungwise.reading.reading import Verdict
from lungwise.studies.clinical_details import Symptom
from lungwise.studies.diagnosis import CHOICES, Diagnosis
from lungwise.studies.reference_tests import Reason, ReferenceTest
from lungwise.studies.service import StudyStatus
from lungwise.studies.worklist import Order


def test_the_words_are_those_of_the_clinic() -> None:
    """The client reads these models without the database's; so they say the words again."""
    assert set(get_args(schemas.Verdict)) == set(Verdict)
    assert set(get_args(schemas.Status)) == set(StudyStatus)
    assert set(get_args(schemas.Order)) == set(Order)
    assert set(get_args(opinion_schemas.Diagnosis)) == set(CHOICES)
    assert set(get_args(get_args(schemas.Concluded)[0])) == set(Diagnosis)
    assert set(get_args(opinion_schemas.Test)) == set(ReferenceTest)
    assert set(get_args(opinion_schemas.Reason)) == set(Reason)
    assert set(get_args(opinion_schemas.Symptom)) == set(Symptom)


@pytest.mark.parametrize(
    "query", [{"unread": "yes"}, {"since": "0"}, {"since": "2026-02-30"}, {"order": "x"}, {"name": "Béla"}]
)
def test_a_query_is_taken_as_it_is_described_and_no_other_way(query: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        schemas.StudyQuery.model_validate(query)


@pytest.mark.parametrize("wait", ["-1", "31", "1.5", " 1", "01", ""])
def test_a_wait_is_a_short_number_of_seconds(wait: str) -> None:
    with pytest.raises(ValidationError):
        schemas.Wait.model_validate({"wait": wait})


@pytest.mark.parametrize("body", [{"note": ""}, {"agrees": None}, {"agrees": 1}, {"conclusion": "positive"}, {"x": 1}])
def test_an_opinion_that_is_none_is_not_taken(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        schemas.OpinionIn.model_validate(body, strict=True)
