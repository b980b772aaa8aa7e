"""A clinic's own thresholds, as the API gives them."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from lungwise.api.schema_base import Key, Probability, Schema


class FindingThresholds(Schema):
    """The thresholds of one finding: below `lower` it is not raised, from `upper` on it is, between it is uncertain."""

    finding: str
    lower: Probability
    upper: Probability
    offset: float = Field(description="Added to the log odds of the model's probability, after `slope`.")
    slope: float = Field(description="The log odds of the model's probability are multiplied by it.", gt=0)


class OwnThresholds(Schema):
    """Thresholds that a clinic made its own. Findings that are not among them have the model's."""

    id: Key
    findings: list[FindingThresholds]


class ThresholdsInForce(OwnThresholds):
    """The thresholds by which a clinic's films are read, and who approved them."""

    model_sha256: str = Field(description="SHA-256 of the file of the model that they were made for.")
    approved_by: list[str] = Field(description="The names of those who proposed and confirmed them.")
    approved_at: datetime


class InForce(Schema):
    """Which thresholds are in force at the clinic."""

    thresholds: ThresholdsInForce | None = Field(description="Null where they are the model's own.")
