"""What the hospital calls a study or a film, as the API gives it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lungwise.api.schema_base import Schema


class Identifier(Schema):
    """What an order, a DICOM study, a series or an instance is called, within a system; the same as in FHIR."""

    kind: Literal["accession", "study", "series", "instance"]
    system: str = Field(description="`urn:dicom:uid` for UIDs, `urn:lungwise:accession` for accession numbers.")
    value: str = Field(description="An accession number, or a UID with `urn:oid:` before it.")
