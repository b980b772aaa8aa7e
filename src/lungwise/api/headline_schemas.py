"""What the API says first of a film or a study."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lungwise.api.schema_base import Key, Probability, Schema


class Normal(Schema):
    """Whether a film is normal."""

    probability: Probability = Field(description="Calibrated; the same as the finding `normal`.")
    called: bool = Field(description="Whether it reaches the threshold from which the film is called normal.")


class LeadingNumber(Schema):
    """The one number of a headline, and the sentence that it begins."""

    value: str
    sentence: str


class Headline(Schema):
    """What the pages say first of a film or a study, in the language that was asked for."""

    level: Literal["green", "amber", "red", "grey"] = Field(
        description="green: called normal, and nothing else is raised; red: COVID-19's verdict is positive; grey: not "
        "read, a child's, or normal with a caution; amber: everything else."
    )
    text: str = Field(description="What was found and what to do, cautions first.")
    number: LeadingNumber | None = Field(
        description="For COVID-19 the predictive value at the clinic's prevalence, else the calibrated probability of "
        "the finding that leads; null where no number leads."
    )
    film: Key | None = Field(description="The film that it comes from, where the study has several.")
