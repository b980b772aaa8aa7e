from __future__ import annotations

import pytest
from pydantic import ValidationError

from lungwise.api.result_schemas import ResultTable, ResultTableQuery


def test_all_rows_are_asked_for_by_default_and_nothing_else_is_taken() -> None:
    assert ResultTableQuery().keep == "all"
    with pytest.raises(ValidationError):
        ResultTableQuery.model_validate({"keep": "some"})


def test_a_row_says_all_of_it() -> None:
    row = {"line": 2, "study": None, "test": "pcr", "result": "positive", "tested_on": None, "reason": None}
    with pytest.raises(ValidationError):
        ResultTable.model_validate({"kept": 0, "rows": [row]})
    assert ResultTable.model_validate({"kept": 0, "rows": [row | {"error": "why"}]}).rows[0].error == "why"
