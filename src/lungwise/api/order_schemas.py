"""What the API takes and says of orders."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from lungwise.api.schema_base import Asked, Day, Key, Next, Schema, Words, cursor
from lungwise.orders.order import (
    MOST_ACCESSION,
    MOST_CODE,
    MOST_DESCRIPTION,
    MOST_NAMESPACE,
    MOST_NUMBER,
    MOST_ORDERED_BY,
    MOST_REASON,
    MOST_STATION,
)

TEXT = r"^[^\x00-\x1f\x7f\\]*$"
"""One line, without the backslash, by which DICOM separates values."""
_LINES = r"^[^\x00-\x08\x0b-\x1f\x7f\\]*$"
_NUMBER = r"^[!-\[\]-~]([ -\[\]-~]*[!-\[\]-~])?$"
_KEY = r"^[0-9a-f]{20}$"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1900, 2199


def _moment(value: object) -> object:
    """Read a moment as RFC 3339 writes it, in no other of the forms that Pydantic knows, and within our time."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) and _MOMENT.fullmatch(value) else None
    if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError("must be a moment with its time zone, as 2026-03-02T10:00:00Z, between 1900 and 2199")
    return moment


Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
OrderCursor = Annotated[str, cursor("order-cursor")]
OrderState = Literal["requested", "in_progress", "done", "cancelled"]
Urgency = Literal["routine", "urgent", "stat"]
Modality = Literal["DX", "CR", "RG", "XC"]


class ProcedureIn(Asked):
    """What shall be done, in words, and by the code of a scheme where there is one."""

    description: str = Field(default="", max_length=MOST_DESCRIPTION, pattern=TEXT)
    code: str = Field(default="", max_length=MOST_CODE, pattern=TEXT)
    scheme: str = Field(default="", max_length=MOST_CODE, pattern=TEXT, description="As DICOM names it: LN, SCT.")


class Procedure(Schema):
    """What shall be done; its code is empty where none is known."""

    description: str
    code: str
    scheme: str


class PlacerIn(Asked):
    """The number that whoever places an order gave it, and whose number that is."""

    number: str = Field(max_length=MOST_NUMBER, pattern=_NUMBER)
    namespace: str = Field(default="", max_length=MOST_NAMESPACE, pattern=TEXT)


class Placer(Schema):
    """The number that whoever placed an order gave it, and whose number that is."""

    number: str
    namespace: str


class OrderedPatient(Asked):
    """Whose films are ordered, as a film's header would say it; who is not known yet is added."""

    identifier: str = Field(default="", max_length=64, pattern=TEXT, description="Empty: they get a new one.")
    issuer: str = Field(default="", max_length=64, pattern=TEXT, description="Who gave the identifier.")
    name: str = Field(default="", max_length=200, pattern=TEXT)
    sex: Literal["", "F", "M", "O"] = ""
    birth_date: Day | None = None


class OrderIn(Asked):
    """An order of films: of a patient by their key, or by what is known of them."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["patient"]}, {"required": ["facts"]}]})

    patient: Annotated[str, Field(pattern=_KEY)] | None = Field(default=None, description="The key of a patient.")
    facts: OrderedPatient | None = None
    placer: PlacerIn | None = Field(
        default=None, description="An order that comes again by this number is not placed again, and stays as it is."
    )
    accession: str = Field(
        default="", max_length=MOST_ACCESSION, pattern=TEXT, description="Empty, and the order gets one."
    )
    procedure: ProcedureIn | None = None
    reason: str = Field(default="", max_length=MOST_REASON, pattern=_LINES, description="And what is known.")
    modality: Modality = "DX"
    station: str = Field(
        default="", max_length=MOST_STATION, pattern=TEXT, description="AE title of the X-ray machine; empty for any."
    )
    scheduled_at: Moment | None = Field(default=None, description="When; now where it is left out.")
    referring_physician: str = Field(
        default="", max_length=MOST_DESCRIPTION, pattern=TEXT, description="As DICOM writes names: Kodály^Zoltán."
    )
    ordered_by: str = Field(
        default="", max_length=MOST_ORDERED_BY, pattern=TEXT, description="Empty: the person whose token it is."
    )
    urgency: Urgency = "routine"

    @model_validator(mode="after")
    def _of_one(self) -> OrderIn:
        if (self.patient is None) == (self.facts is None):
            raise ValueError("say whose films they are by one of patient and facts")
        return self


class Order(Schema):
    """A request for films of one patient, and what became of it."""

    key: Key
    patient: Key
    study: Key | None = Field(description="The study that answers it; null as long as there is none.")
    status: OrderState = Field(description="in_progress: films are here. done: they are read.")
    accession: str
    study_uid: str = Field(description="The Study Instance UID that its films shall have.")
    placer: Placer | None = Field(description="Null of an order that was written here.")
    procedure: Procedure
    reason: str
    modality: Modality
    station: str
    scheduled_at: datetime
    referring_physician: str
    ordered_by: str
    urgency: Urgency
    way: Literal["page", "api", "hl7", "fhir"] = Field(description="How it came.")
    created_at: datetime
    changed_at: datetime


class StudyOrder(Schema):
    """An order that a study answers."""

    key: Key
    accession: str
    status: OrderState


class OrderFilter(Asked):
    """Which orders to list."""

    status: OrderState | None = None
    patient: str = Field(default="", pattern=r"^([0-9a-f]{20})?$", description="The key of the patient.")
    since: Day | None = Field(default=None, description="The first day of what is ordered, in the clinic's time zone.")
    until: Day | None = Field(default=None, description="The last day of what is ordered, in the clinic's time zone.")
    cursor: OrderCursor | None = None


class OrderQuery(OrderFilter):
    """Which orders to list, in the address: neither a word of a patient nor a number is allowed there."""


class OrderSearch(OrderFilter):
    """Which orders to list, in the body: words of a patient may be among it, and the number of an order."""

    text: Words = ""
    accession: str = Field(default="", max_length=MOST_ACCESSION, pattern=TEXT, description="The whole number.")


class OrderPage(Schema):
    """A page of orders, the newest first."""

    items: list[Order]
    next: Next
