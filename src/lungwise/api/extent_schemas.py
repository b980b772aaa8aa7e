"""How much of the lungs is opaque, and what changed of it, as the API says it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from lungwise.api.schema_base import Key, Schema

View = Literal["AP", "PA"]


class Extent(Schema):
    """The extent of opacity."""

    percent: float = Field(ge=0, le=100, description="Of the lung fields.")
    brixia: float = Field(ge=0, le=18, description="On the Brixia scale of six zones of 0 to 3.")
    repeatability: float = Field(
        ge=0, description="Two films of the same lungs differ by less points of `percent` in 95 of 100 pairs."
    )


class ExtentChange(Schema):
    """What changed since an earlier film."""

    film: Key = Field(description="The earlier film.")
    taken_on: date = Field(description="When that was taken, as its header says.")
    points: float = Field(
        ge=-100, le=100, description="Percentage points of the lung fields; above zero where there is more opacity."
    )
    repeatability: float = Field(ge=0, description="A difference of up to so many points is no change.")
    direction: Literal["more", "less", "same"] = Field(description="`same` within repeatability.")
