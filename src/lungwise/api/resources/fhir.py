"""Orders by FHIR: a ServiceRequest places an order, changes it where it is known, or cancels it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request

from lungwise.access import Right
from lungwise.accounts.bearer import clinic
from lungwise.accounts.tokens import Scope
from lungwise.api.framework.operations import FHIR_TYPE, Operations
from lungwise.api.idempotent_requests import once
from lungwise.api.service_requests import (
    AskedOrder,
    FhirRejected,
    OwnSystem,
    asked_orders,
    read_object,
    service_request,
)
from lungwise.api.services import services
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.orders.order import OrderRequest, OrderWay
from lungwise.orders.service import Order
from lungwise.reports.patient_systems import PatientSystems
from lungwise.webkit.current_person import person

fhir = Operations()
_ASKED = ("procedure", "reason", "referring_physician", "urgency")
"""What a ServiceRequest says of an order, beside its numbers and its time."""


@fhir.get("/fhir/ServiceRequest/<key:key>", FHIR_TYPE, right=Right.SEE_ALL)
def get_service_request(key: str) -> Response:
    """Get an order as a FHIR ServiceRequest."""
    order = services().orders.get(person(), key)
    audit_after_response(Action.SAW, Subject.ORDER, key)
    return _answer(order, HTTPStatus.OK)


@fhir.post("/fhir/ServiceRequest", FHIR_TYPE, scope=Scope.UPLOAD, right=Right.SEE_ALL, takes_fhir=True)
def post_service_request(resource: bytes) -> Response:
    """Place an order by a FHIR R4 ServiceRequest, change it where its identifier is known, or cancel it (revoked).

    Its subject is a contained Patient, or named by an identifier. 201 says that the order is new.
    """
    found = read_object(resource)
    if found.get("resourceType") != "ServiceRequest":
        raise FhirRejected("Send a ServiceRequest here, and a Bundle to the address above.")
    ((order, is_new),) = _received(resource)
    return _answer(order, HTTPStatus.CREATED if is_new else HTTPStatus.OK)


@fhir.post("/fhir", FHIR_TYPE, scope=Scope.UPLOAD, right=Right.SEE_ALL, takes_fhir=True)
def post_fhir(resource: bytes) -> Response:
    """Place, change or cancel the orders of a FHIR R4 Bundle that holds ServiceRequests and their Patients.

    All of it is done, or nothing. The answer has an entry for each ServiceRequest, in their order.
    """
    entries = [
        {
            "response": {
                "status": "201" if is_new else "200",
                "location": f"ServiceRequest/{order.key}",
            }
        }
        for order, is_new in _received(resource)
    ]
    body = {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}
    return Response(json.dumps(body), HTTPStatus.OK, content_type=FHIR_TYPE)


def metadata(api: Flask, statement: dict[str, Any]) -> None:
    """Add the address where FHIR's clients read what is served: they ask for it before they have a token."""

    def capabilities() -> Response:
        """Return the CapabilityStatement."""
        return Response(json.dumps(statement), content_type=FHIR_TYPE)

    api.add_url_rule("/fhir/metadata", view_func=capabilities)


def _received(resource: bytes) -> list[tuple[Order, bool]]:
    """Do what is asked, once for each idempotency key, and return the orders, and whether each is new."""
    asked = asked_orders(read_object(resource), _own())

    def done() -> str:
        return json.dumps([(order.key, is_new) for order, is_new in map(_received_one, asked)])

    kept = json.loads(once([hashlib.sha256(resource).hexdigest()], done))
    return [(services().orders.get(person(), key), is_new) for key, is_new in kept]


def _received_one(asked: AskedOrder) -> tuple[Order, bool]:
    orders = services().orders
    known = orders.placed_as(person(), asked.placer)
    if asked.cancels:
        if known is None:
            raise FhirRejected("There is no order of this identifier to be cancelled.")
        return orders.cancel(person(), known.key), False
    facts = services().patients.rules.stated(asked.patient)
    if not facts.identifier:
        raise FhirRejected("The patient's identifier means nobody here.")
    placed = orders.place(person(), facts, asked.order, OrderWay.FHIR)
    if placed.is_new or _says_the_same(placed.order, asked.order):
        return placed.order, placed.is_new
    return orders.change(person(), placed.order.key, asked.order), False


def _says_the_same(order: Order, asked: OrderRequest) -> bool:
    """Return whether a request that comes again asks for what the order is; so it may also where the order is done."""
    asked = replace(asked.checked(), scheduled_at=asked.scheduled_at or order.scheduled_at)
    same = all(getattr(order, name) == getattr(asked, name) for name in _ASKED)
    return same and order.scheduled_at == asked.scheduled_at and asked.accession in ("", order.accession)


def _own() -> OwnSystem:
    own = services().settings.for_clinic(clinic())
    systems = PatientSystems(own=own.fhir_patient_system, rules=services().patients.rules)
    return OwnSystem(patients=systems, zone=services().clinic_settings.zone)


def _answer(order: Order, status: int) -> Response:
    patient = services().patients.by_ids(person(), [order.patient_id])[order.patient_id]
    address = f"{request.root_path}/fhir/ServiceRequest/{order.key}"
    headers = {"Location": address} if status == HTTPStatus.CREATED else {}
    return Response(service_request(order, patient, _own()), status, headers, content_type=FHIR_TYPE)
