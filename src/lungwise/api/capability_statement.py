"""What is served below FHIR's address, as FHIR says it: a CapabilityStatement, written from the operations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from lungwise.api.framework.operations import FHIR_TYPE, Operation

Json = dict[str, Any]
_RELEASE = "4.0.1"
_INTERACTIONS: Final = {
    (): {"POST": "transaction"},
    ("type",): {"POST": "create"},
    ("type", "key"): {"GET": "read"},
}
"""How FHIR calls what a method does to the whole address, to a type, and to one resource."""


def capability_statement(operations: Iterable[Operation], version: str, since: datetime, address: str) -> Json:
    """Write the statement of an installation.

    Parameters
    ----------
    since
        When it began to be true: when this process began.
    address
        The base of FHIR's addresses as others reach them; empty where nobody has set it.
    """
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": since.isoformat(timespec="seconds"),
        "kind": "instance",
        "software": {"name": "Lungwise", "version": version},
        "implementation": {"description": "Orders of chest X-ray films"} | ({"url": address} if address else {}),
        "fhirVersion": _RELEASE,
        "format": [FHIR_TYPE],
        "rest": [_rest([one for one in operations if one.is_of_fhir])],
    }


def _rest(operations: Sequence[Operation]) -> Json:
    by_type = sorted(operations, key=_type)
    return {
        "mode": "server",
        "security": {
            "service": [{"text": "Bearer token"}],
            "description": "Each request but this one carries a token of the clinic (Authorization: Bearer TOKEN).",
        },
        "resource": [
            {"type": name, "interaction": list(map(_interaction, of_type)), "versioning": "no-version"}
            for name, of_type in groupby(by_type, _type)
            if name
        ],
        "interaction": [_interaction(one) for one in operations if not _type(one)],
    }


def _interaction(operation: Operation) -> Json:
    kinds = ("type", "key")[: len(_below(operation))]
    said = f"{operation.summary} {operation.details}".strip()
    return {"code": _INTERACTIONS[kinds][operation.method], "documentation": said}


def _type(operation: Operation) -> str:
    """Return the type of resource that an operation is about; nothing where it is about several."""
    return next(iter(_below(operation)), "")


def _below(operation: Operation) -> list[str]:
    return operation.rule.split("/")[2:]
