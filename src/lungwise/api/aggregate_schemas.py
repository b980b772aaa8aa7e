"""What the API says of a clinic's weeks in counts."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from lungwise.api.schema_base import Asked, Schema, Weeks


class AggregateQuery(Asked):
    """How many weeks to count."""

    weeks: Weeks = Field(default=12, description="The last weeks that are over.")


class WeekCounts(Schema):
    """One week of the clinic, which begins on a Monday where it stands."""

    begins: date
    period: str = Field(description="The week as DHIS2 calls it, such as 2026W48.")
    films: int = Field(description="Films that the model answered, refused ones too.")
    refusals: int
    covid_positives: int = Field(description="Studies with a positive verdict.")
    tuberculosis_positives: int = Field(description="Studies that suggest tuberculosis, or leave it possible.")
    pcr_tests: int
    pcr_found: int = Field(description="Positive ones of these tests.")
    tuberculosis_tests: int
    tuberculosis_found: int = Field(description="Positive ones of these tests.")


class Aggregates(Schema):
    """A clinic's last weeks, the oldest first."""

    weeks: list[WeekCounts]
