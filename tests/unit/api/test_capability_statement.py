"""What the API says of its FHIR: all that is served and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome

from lungwise import __version__
from lungwise.api.capability_statement import capability_statement

if TYPE_CHECKING:
    from conftest import Clock
    from lungwise.web_app import Lungwise

FHIR = "application/fhir+json"
ORDER = {
    "resourceType": "ServiceRequest",
    "identifier": [{"value": "O-1"}],
    "status": "active",
    "intent": "order",
    "subject": {"identifier": {"value": "7"}},
}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [{"resource": ORDER, "request": {"method": "POST", "url": "ServiceRequest"}}],
}
ADDRESSES = {
    "read": ("GET", "/fhir/{type}/{key}"),
    "create": ("POST", "/fhir/{type}"),
    "transaction": ("POST", "/fhir"),
}


def statement(app: Lungwise) -> dict[str, Any]:
    """Read it as somebody without a token."""
    answer = app.test_client(use_cookies=False).get("/api/v1/fhir/metadata")
    assert (answer.status_code, answer.mimetype) == (200, FHIR)
    CapabilityStatement.model_validate_json(answer.data)
    return dict(answer.json or {})


def said_interactions(said: dict[str, Any]) -> list[tuple[str, str]]:
    """List what is said to be served, by the type of resource."""
    (rest,) = said["rest"]
    of_types = [(one["type"], each["code"]) for one in rest["resource"] for each in one["interaction"]]
    return [*of_types, *(("", each["code"]) for each in rest["interaction"])]


def test_it_says_which_software_of_which_fhir_since_when(app: Lungwise, clock: Clock) -> None:
    said = statement(app)
    assert (said["software"]["version"], said["fhirVersion"]) == (__version__, "4.0.1")
    assert said["date"] == clock().isoformat(timespec="seconds")


def test_it_says_the_address_where_that_is_set(clock: Clock) -> None:
    said = capability_statement([], "1", clock(), "https://lungwise.example.org/api/v1/fhir")
    assert said["implementation"]["url"] == "https://lungwise.example.org/api/v1/fhir"


def test_what_it_says_is_what_is_served(app: Lungwise, program: Any) -> None:
    paths = program.get("/openapi.json")["paths"]
    served = {(method.upper(), path) for path, methods in paths.items() for method in methods if path[:5] == "/fhir"}
    said = [
        (ADDRESSES[code][0], ADDRESSES[code][1].format(type=kind, key="{key}"))
        for kind, code in said_interactions(statement(app))
    ]
    assert sorted(said) == sorted(served)


def test_each_interaction_that_it_names_is_done(app: Lungwise, program: Any) -> None:
    assert sorted(said_interactions(statement(app))) == [
        ("", "transaction"),
        ("ServiceRequest", "create"),
        ("ServiceRequest", "read"),
    ]
    headers = {"Content-Type": FHIR}
    made = program.ask("POST", "/fhir/ServiceRequest", headers, data=json.dumps(ORDER))
    assert made.status_code == 201
    assert program.get(f"/fhir/ServiceRequest/{made.json['id']}") == made.json
    done = program.ask("POST", "/fhir", headers, data=json.dumps(BUNDLE))
    assert (done.status_code, done.json["type"]) == (200, "transaction-response")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/fhir"),
        ("GET", "/fhir/ServiceRequest"),
        ("GET", "/fhir/Patient/1"),
        ("PUT", "/fhir/ServiceRequest/1"),
        ("DELETE", "/fhir/ServiceRequest/0123456789abcdef0123"),
        ("POST", "/fhir/metadata"),
    ],
)
def test_an_interaction_that_it_does_not_name_is_refused(program: Any, method: str, path: str) -> None:
    answer = program.ask(method, path)
    assert answer.status_code in (404, 405)
    OperationOutcome.model_validate_json(answer.data)
