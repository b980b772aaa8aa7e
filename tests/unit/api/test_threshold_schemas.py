from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lungwise.api import threshold_schemas
from lungwise.reading.own_thresholds import FindingThresholds, OwnThresholds, stored_thresholds


def test_what_a_reading_keeps_is_given_and_taken_as_it_is() -> None:
    one = FindingThresholds(finding="COVID-19", lower=0.1, upper=0.6, offset=-1.0, slope=0.8)
    own = OwnThresholds(id="0" * 20, findings=(one,))
    given = threshold_schemas.OwnThresholds.model_validate(own.as_stored())
    assert given.model_dump() == own.as_stored()
    assert stored_thresholds(given.model_dump()) == own
    assert set(asdict(one)) == set(threshold_schemas.FindingThresholds.model_fields)


def test_a_clinic_without_thresholds_of_its_own_has_none_in_force(program: Any, film: Any) -> None:
    assert program.get("/thresholds") == {"thresholds": None}
