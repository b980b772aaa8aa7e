"""What the API says of results that are not sent."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from lungwise.api.schema_base import Asked, Key, Next, Schema, cursor

UnsentCursor = Annotated[str, cursor("unsent-cursor")]


class UnsentQuery(Asked):
    """Where the list goes on."""

    cursor: UnsentCursor | None = None


class UnsentResult(Schema):
    """The results of one study that one archive, or another system, does not have; or a withdrawal of its report."""

    study: Key
    archive: str = Field(description="An archive, as AE@host:port, or another system: webhook, fhir.")
    state: Literal["waiting", "sending", "not confirmed", "given up", "archive removed"] = Field(
        description="not confirmed: the archive has it and has not said yet that it keeps it (storage commitment). "
        "given up: it was tried for four days, or refused. archive removed: the settings no longer name it."
    )
    attempts: int
    error: str = Field(description="What the last attempt ended with; empty before the first.")
    since: datetime
    next_try: datetime | None = Field(description="Null where nothing is tried by itself.")
    withdrawal: bool = Field(
        False, description="The study was deleted, and a system is to be told that its report does not hold."
    )


class UnsentPage(Schema):
    """Results that are not sent, the oldest first."""

    items: list[UnsentResult]
    next: Next
