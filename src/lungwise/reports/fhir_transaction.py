"""A report as a FHIR transaction: a server takes all of it or nothing, and each resource once.

What is ours alone, the report and the observations, replaces its earlier version. Patient, imaging study and device may
be the hospital's own: they are made only where the server has none of their identifier.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fhir.resources.R4B.bundle import Bundle

from lungwise.reports.fhir import Fields, said_of_films, withdrawn
from lungwise.reports.patient_systems import PatientSystems
from lungwise.reports.report import Report
from lungwise.studies.report_identifiers import ReportIdentifiers

_OURS = frozenset({"DiagnosticReport", "Observation"})


def transaction(report: Report, systems: PatientSystems) -> str:
    """Write the transaction as JSON."""
    return _written(said_of_films(report, systems))


def withdrawal_transaction(identifiers: ReportIdentifiers, systems: PatientSystems) -> str:
    """Write the transaction that withdraws a report, as JSON."""
    return _written(withdrawn(identifiers, systems))


def _written(resources: Mapping[str, Any]) -> str:
    fields: Fields = {
        "type": "transaction",
        "entry": [
            {"fullUrl": name, "resource": resource, "request": _request(resource)}
            for name, resource in resources.items()
        ],
    }
    text: str = Bundle(**fields).model_dump_json()
    return text


def _request(resource: Any) -> Fields:  # noqa: ANN401 - the models have no common type that has identifiers
    kind = resource.get_resource_type()
    found = f"identifier={_token(resource.identifier[0])}"
    if kind in _OURS:
        return {"method": "PUT", "url": f"{kind}?{found}"}
    return {"method": "POST", "url": kind, "ifNoneExist": found}


def _token(identifier: Any) -> str:  # noqa: ANN401 - FHIR's Identifier
    """Write an identifier to be searched for (FHIR R4, 3.1.1.4.10 and 3.1.1.4.19)."""
    system, value = (re.sub(r"([\\,$|])", r"\\\1", text) for text in (identifier.system, identifier.value))
    return f"{quote(system, safe=':/')}|{quote(value, safe='')}"
