"""What the API's schemas are made of: their base, and the types that several of them use."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from lungwise.inputs import MOST_WEEKS

LONGEST_WAIT = 30
"""Seconds that a request may wait for a reading."""
LINE = r"^[^\x00-\x1f\x7f]*$"


class Schema(BaseModel):
    """The base of all: what is not named here is refused, not overlooked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Asked(Schema):
    """What a request says: a part that it does not say is left out, never null."""

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, fields: object) -> object:
        if isinstance(fields, dict) and None in fields.values():
            raise ValueError("leave out what is not said: null is not taken")
        return fields


def _matching(pattern: str) -> BeforeValidator:
    """Let a query's text through only as the document describes it, before Pydantic's kinder reading of it."""
    form = re.compile(pattern)

    def check(value: object) -> object:
        if isinstance(value, str) and not form.fullmatch(value):
            raise ValueError(f"must match {pattern}")
        return value

    return BeforeValidator(check)


def _day(value: object) -> object:
    """Read a day as ISO 8601 writes it, and in no other of the forms that Pydantic knows."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return date.fromisoformat(value)
    raise ValueError("must be a day, as 2026-03-02")


def whole(value: object) -> object:
    """Take 78.0 for 78, as JSON does not tell them apart."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def cursor(kind: str) -> WithJsonSchema:
    """Describe a cursor of one list."""
    about = "Where the list goes on: `next` of the page before."
    return WithJsonSchema({"type": "string", "format": kind, "description": about})


Key = Annotated[str, Field(description="A thing's name: random, and the same on the pages.", examples=["0" * 20])]
Probability = Annotated[float, Field(ge=0, le=1)]
Day = Annotated[date, BeforeValidator(_day)]
Flag = Annotated[bool, _matching("true|false"), WithJsonSchema({"type": "boolean"})]
Seconds = Annotated[int, Field(ge=0, le=LONGEST_WAIT), _matching(r"0|[1-9]\d?")]
Weeks = Annotated[int, Field(ge=1, le=MOST_WEEKS), _matching(r"[1-9]\d{0,2}")]
StudyCursor = Annotated[str, cursor("study-cursor")]
PatientCursor = Annotated[str, cursor("patient-cursor")]
Next = Annotated[str | None, Field(description="Cursor of the page that follows; null after the last.")]
Words = Annotated[str, Field(max_length=100, pattern=LINE, description="Beginnings of words of names and identifiers.")]
Verdict = Literal["negative", "uncertain", "positive"]
Decided = Literal["negative", "positive"]
Status = Literal["waiting", "refused", "negative", "uncertain", "positive"]
Identity = Annotated[
    Literal["clear", "unclear"],
    Field(description="unclear: the films came under an identifier that belongs to somebody else; nothing was merged."),
]
Order = Literal["newest", "urgent", "probable"]
