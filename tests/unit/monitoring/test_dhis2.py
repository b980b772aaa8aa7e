from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from lungwise.errors import Rejected
from lungwise.monitoring.aggregates import COUNTS, WeekAggregate
from lungwise.monitoring.dhis2 import data_value_set
from lungwise.settings import Settings

WEEK = WeekAggregate(begins=date(2026, 11, 23), **dict.fromkeys(COUNTS, 7))
ELEMENTS = "films=aBcDeFgHiJ1, pcr_found=aBcDeFgHiJ2"


def test_each_count_with_an_identifier_is_a_value_of_its_week_and_unit() -> None:
    settings = Settings(dhis2_data_elements=ELEMENTS, dhis2_org_units="Hill=unitOfHill1, unitOfRest1")
    value = {"period": "2026W48", "value": "7"}
    assert data_value_set([WEEK], "Hill", settings) == {
        "dataValues": [
            {"dataElement": "aBcDeFgHiJ1", "orgUnit": "unitOfHill1", **value},
            {"dataElement": "aBcDeFgHiJ2", "orgUnit": "unitOfHill1", **value},
        ]
    }
    named = settings.model_copy(update={"dhis2_data_set": "dataSetOne1"})
    found = data_value_set([WEEK], "Valley", named)
    assert found["dataSet"] == "dataSetOne1"
    assert {one["orgUnit"] for one in found["dataValues"]} == {"unitOfRest1"}


def test_what_is_missing_is_said() -> None:
    with pytest.raises(Rejected, match="dhis2_data_elements"):
        data_value_set([WEEK], "Hill", Settings())
    with pytest.raises(Rejected, match="dhis2_org_units"):
        data_value_set([WEEK], "Hill", Settings(dhis2_data_elements=ELEMENTS, dhis2_org_units="Valley=aBcDeFgHiJ3"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"dhis2_data_elements": "films=short"}, "not one of DHIS2's identifiers"),
        ({"dhis2_data_elements": "patients=aBcDeFgHiJ1"}, "There is no count patients"),
        ({"dhis2_data_elements": "aBcDeFgHiJ1"}, "There is no count without a name"),
        ({"dhis2_org_units": "Hill=1BcDeFgHiJ1"}, "not one of DHIS2's identifiers"),
        ({"dhis2_data_set": "x"}, "pattern"),
    ],
)
def test_a_wrong_identifier_is_refused(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(**wrong)  # type: ignore[arg-type]
