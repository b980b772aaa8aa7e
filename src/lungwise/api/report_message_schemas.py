"""What a webhook gets about a report: the report as the API gives it, and which version it is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lungwise.api.schema_base import Schema
from lungwise.api.schemas import Report


class ReportMessage(Schema):
    """One version of a study's report."""

    event: Literal["report"]
    id: str = Field(description="The same where the message is sent again, as is the header Idempotency-Key.")
    version: int = Field(ge=0, description="Higher than that of every earlier report of this study.")
    report: Report
