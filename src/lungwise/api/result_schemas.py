"""What the API takes and says of tables of test results."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from lungwise.api.opinion_schemas import Found, Reason, Test
from lungwise.api.schema_base import Asked, Key, Schema


class ResultTableQuery(Asked):
    """Which rows of a table to keep."""

    keep: Literal["all", "good", "none"] = Field(
        default="all",
        description="`all`: all rows or none. `good`: those without an error. `none`: only look at the rows.",
    )


class ResultRow(Schema):
    """One row of a table of test results: the study that it is of and what it says, or what is wrong with it."""

    line: int = Field(description="Its line in the table, from 1.")
    study: Key | None
    test: Test | None
    result: Found | None
    tested_on: date | None
    reason: Reason | None
    error: str | None = Field(description="Why it cannot be kept; null of a row that can be.")


class ResultTable(Schema):
    """What became of a table of test results."""

    kept: int = Field(description="How many results are kept now.")
    rows: list[ResultRow] = Field(description="Empty where the same request was answered before.")
