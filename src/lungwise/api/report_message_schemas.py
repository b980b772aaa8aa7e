"""What a webhook gets about a report: the report as the API gives it, which version it is, and that it is withdrawn."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lungwise.api.schema_base import Key, Schema
from lungwise.api.schemas import Report


class ReportMessage(Schema):
    """One version of a study's report."""

    event: Literal["report"]
    id: str = Field(description="The same where the message is sent again, as is the header Idempotency-Key.")
    version: int = Field(ge=0, description="Higher than that of every earlier report of this study.")
    report: Report


class WithdrawalMessage(Schema):
    """That no report of a study holds any more: the study was deleted, or the report is of another person."""

    event: Literal["withdrawn"]
    id: str = Field(description="The same where the message is sent again, as is the header Idempotency-Key.")
    version: int = Field(ge=0, description="Higher than that of every report that is withdrawn.")
    clinic: str
    study: Key
    patient: Key = Field(description="Under whom the last report was sent.")
    identifier: str
    issuer: str
