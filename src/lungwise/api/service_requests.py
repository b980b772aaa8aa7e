"""FHIR ServiceRequests as orders, and orders as ServiceRequests (FHIR R4, 12.7).

Read with FHIR R4B's models, whose resources here are R4's own. Their library loads for half a second, so it is loaded
where it is first used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, tzinfo
from typing import Any

from lungwise.errors import Rejected
from lungwise.films.dicom.header import MOST_NUMBER
from lungwise.orders.order import MOST_CODE, MOST_DESCRIPTION, MOST_ORDERED_BY, OrderRequest, PlacerNumber, Procedure
from lungwise.orders.order import OrderStatus as Status
from lungwise.orders.order import OrderUrgency as Urgency
from lungwise.orders.service import Order
from lungwise.patients.service import Patient, PatientFacts
from lungwise.reports.patient_systems import PatientSystems
from lungwise.studies.identifiers import ACCESSIONS, UIDS
from lungwise.webkit.problems import Refused

MOST_REQUESTS = 20
"""ServiceRequests of one Bundle."""
_MOST_DEPTH = 32
_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
_INTENTS = ("order", "original-order", "instance-order", "filler-order")
_CANCELLED = ("revoked", "entered-in-error")
_STATUSES = {
    Status.REQUESTED: "active",
    Status.IN_PROGRESS: "active",
    Status.DONE: "completed",
    Status.CANCELLED: "revoked",
}
_URGENCIES = {"routine": Urgency.ROUTINE, "urgent": Urgency.URGENT, "asap": Urgency.URGENT, "stat": Urgency.STAT}
_SCHEMES = {"http://loinc.org": "LN", "http://snomed.info/sct": "SCT", "http://www.radlex.org": "RADLEX"}
_SEXES = {"female": "F", "male": "M", "other": "O"}
Resource = Any
"""A resource as FHIR's models have it; they have no common type that tells its elements."""


class FhirRejected(Rejected):
    """A resource is sound as FHIR, and cannot be an order here. Programs read why, so it is said in English alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOrder:
    """What one ServiceRequest asks for: an order of a patient, or that it is cancelled."""

    patient: PatientFacts
    order: OrderRequest
    placer: PlacerNumber
    cancels: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSystem:
    """How this installation names things: the systems of its patients' identifiers, and the clinic's zone."""

    patients: PatientSystems
    zone: tzinfo


def read_object(body: bytes) -> dict[str, Any]:
    """Read one resource's JSON, which is not nested without end.

    Raises
    ------
    Refused
        If it is not an object of JSON, or nested too deep.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400) from error
    if not isinstance(found, dict) or not _is_sound(found):
        raise Refused(400)
    return found


def _is_sound(found: dict[str, Any]) -> bool:
    """Return whether an object is not nested too deep, and no element of it is null (FHIR R4, 2.6.2)."""
    level: list[object] = [found]
    for _ in range(_MOST_DEPTH):
        objects = [one for one in level if isinstance(one, dict)]
        lists = [one for one in level if isinstance(one, list)]
        if any(value is None for one in objects for value in one.values()):
            return False
        level = [value for one in objects for value in one.values()] + [value for one in lists for value in one]
    return not level


def asked_orders(resource: Mapping[str, Any], own: OwnSystem) -> list[AskedOrder]:
    """Read a ServiceRequest, or a Bundle of ServiceRequests and their patients.

    Raises
    ------
    ValidationError
        If it is not as FHIR says.
    FhirRejected
        If it cannot be an order here.
    """
    if resource.get("resourceType") == "Bundle":
        return list(_of_bundle(resource, own))
    return [asked_order(_service_request(resource), {}, own)]


def _service_request(resource: Mapping[str, Any]) -> Resource:
    from fhir.resources.R4B.servicerequest import ServiceRequest

    if resource.get("resourceType") != "ServiceRequest":
        raise FhirRejected("Send a ServiceRequest, or a Bundle that holds one.")
    return _validated(ServiceRequest, resource)


def _validated(kind: Any, resource: Mapping[str, Any]) -> Resource:  # noqa: ANN401 - the library has no types
    """Validate a resource. The library fails otherwise than by its own error at one within it of an unknown type."""
    try:
        return kind.model_validate(resource)
    except (KeyError, TypeError) as error:
        raise FhirRejected("A resource within it is of no type that FHIR has.") from error


def _of_bundle(resource: Mapping[str, Any], own: OwnSystem) -> Iterator[AskedOrder]:
    from fhir.resources.R4B.bundle import Bundle

    bundle = _validated(Bundle, resource)
    if bundle.type not in ("transaction", "collection"):
        raise FhirRejected("Send a Bundle whose type is transaction or collection.")
    entries: list[Resource] = [entry for entry in bundle.entry or () if entry.resource is not None]
    requests = [entry.resource for entry in entries if entry.resource.get_resource_type() == "ServiceRequest"]
    if not 0 < len(requests) <= MOST_REQUESTS:
        raise FhirRejected(f"A Bundle holds 1 to {MOST_REQUESTS} ServiceRequests.")
    patients: dict[str, Resource] = {}
    for entry in entries:
        if entry.resource.get_resource_type() == "Patient":
            named = {entry.fullUrl, f"Patient/{entry.resource.id}" if entry.resource.id else None}
            patients |= {name: entry.resource for name in named if name}
    for request in requests:
        yield asked_order(request, patients, own)


def asked_order(request: Resource, patients: Mapping[str, Resource], own: OwnSystem) -> AskedOrder:
    """Read what a ServiceRequest asks for.

    Parameters
    ----------
    patients
        Those that came beside it, by how they are referred to.
    """
    cancels = request.status in _CANCELLED
    if not cancels and (request.status != "active" or request.intent not in _INTENTS or request.doNotPerform):
        raise FhirRejected("An order has the status active, or revoked to cancel it, and the intent order.")
    placer = _placer(request)
    return AskedOrder(
        patient=_patient(request, patients, own),
        order=_order(request, placer, own.zone),
        placer=placer,
        cancels=cancels,
    )


def _placer(request: Resource) -> PlacerNumber:
    """Return the identifier of the type PLAC, or else the first that is no other's."""
    of_placer = [one for one in request.identifier or () if one.value and _type(one) not in ("ACSN", "FILL")]
    found = next((one for one in of_placer if _type(one) == "PLAC"), next(iter(of_placer), None))
    if found is None:
        raise FhirRejected("A ServiceRequest needs an identifier: by that it is known when it comes again.")
    return PlacerNumber(number=found.value, namespace=found.system or "")


def _type(identifier: Resource) -> str:
    codings = identifier.type.coding if identifier.type else None
    return str(codings[0].code) if codings else ""


def _order(request: Resource, placer: PlacerNumber, zone: tzinfo) -> OrderRequest:
    accession = next((one.value for one in request.identifier if _type(one) == "ACSN" and one.value), "")
    requester = request.requester.display if request.requester else ""
    urgency = _URGENCIES.get(request.priority or "routine")
    if urgency is None:
        raise FhirRejected("The priority is routine, urgent, asap or stat.")
    return OrderRequest(
        placer=placer,
        accession=accession,
        procedure=_procedure(request.code),
        reason=_reason(request),
        scheduled_at=_scheduled(request, zone),
        referring_physician=_line(requester)[:MOST_DESCRIPTION],
        ordered_by=_line(requester)[:MOST_ORDERED_BY],
        urgency=urgency,
    )


def _procedure(code: Resource) -> Procedure:
    """Return what shall be done; a code that is longer than DICOM has room for is left out."""
    coding = next((one for one in (code.coding or () if code else ()) if one.code), None)
    text = (code and code.text) or (coding and coding.display) or ""
    procedure = Procedure(description=_line(text)[:MOST_DESCRIPTION])
    if coding is None or len(coding.code) > MOST_CODE:
        return procedure
    scheme = _SCHEMES.get(str(coding.system), "L")
    return Procedure(description=procedure.description, code=coding.code, scheme=scheme)


def _reason(request: Resource) -> str:
    texts = [one.text or (one.coding[0].display if one.coding else "") for one in request.reasonCode or ()]
    return "; ".join(_line(text) for text in (*texts, *(one.text for one in request.note or ())) if text)


def _scheduled(request: Resource, zone: tzinfo) -> datetime | None:
    period = request.occurrencePeriod
    found = request.occurrenceDateTime or (period.start if period else None)
    if isinstance(found, datetime):
        return found if found.tzinfo else found.replace(tzinfo=zone)
    return datetime.combine(found, time(), zone) if isinstance(found, date) else None


def _patient(request: Resource, patients: Mapping[str, Resource], own: OwnSystem) -> PatientFacts:
    """Return whose order it is: a Patient that came with it, or one that is named by an identifier alone."""
    subject = request.subject
    contained = {f"#{one.id}": one for one in request.contained or ()}
    found = {**patients, **contained}.get(subject.reference or "")
    if found is not None and found.get_resource_type() == "Patient":
        return _facts(found, own)
    if subject.identifier is not None and subject.identifier.value:
        return _numbered(subject.identifier, own)
    raise FhirRejected("The subject is neither a Patient that came with the request, nor named by an identifier.")


def _facts(patient: Resource, own: OwnSystem) -> PatientFacts:
    identifiers = [one for one in patient.identifier or () if one.value]
    identifier = next((one for one in identifiers if _type(one) == "MR"), next(iter(identifiers), None))
    if identifier is None:
        raise FhirRejected("The Patient needs an identifier: by that the films find the order.")
    name = next(iter(patient.name or ()), None)
    return replace(
        _numbered(identifier, own),
        name=_line(_name(name))[:200] if name else "",
        sex=_SEXES.get(patient.gender or "", ""),
        birth_date=patient.birthDate if isinstance(patient.birthDate, date) else None,
    )


def _name(name: Resource) -> str:
    return str(name.text or " ".join(filter(None, (*(name.given or ()), name.family))))


def _numbered(identifier: Resource, own: OwnSystem) -> PatientFacts:
    """Return a patient of whom the number is known, and whose number it is."""
    number, issuer = identifier.value.strip(), own.patients.issuer_of(identifier.system or "")
    if max(len(number), len(issuer)) > MOST_NUMBER:
        raise FhirRejected(
            f"The patient's identifier or its system is longer than {MOST_NUMBER} characters, and cut it might be "
            "another's. Send a shorter one. The system of the hospital's own numbers may be longer: "
            "LUNGWISE_FHIR_PATIENT_SYSTEM names it."
        )
    return PatientFacts(identifier=number, issuer=issuer)


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def service_request(order: Order, patient: Patient, own: OwnSystem) -> str:
    """Write an order as a ServiceRequest."""
    from fhir.resources.R4B.servicerequest import ServiceRequest

    by_urgency = {Urgency.ROUTINE: "routine", Urgency.URGENT: "urgent", Urgency.STAT: "stat"}
    code = {"coding": [_coding(order.procedure)] if order.procedure.code else None, "text": order.procedure.description}
    fields: dict[str, Any] = {
        "id": order.key,
        "identifier": list(_identifiers(order)),
        "status": _STATUSES[Status(order.status)],
        "intent": "order",
        "priority": by_urgency[Urgency(order.urgency)],
        "code": code if any(code.values()) else None,
        "subject": {"type": "Patient", "identifier": _subject(patient, own.patients)},
        "occurrenceDateTime": order.scheduled_at,
        "authoredOn": order.created_at,
        "requester": {"display": order.ordered_by} if order.ordered_by else None,
        "reasonCode": [{"text": order.reason}] if order.reason else None,
    }
    text: str = ServiceRequest(**fields).model_dump_json()
    return text


def _identifiers(order: Order) -> Iterator[dict[str, Any]]:
    if order.placer:
        system = {"system": order.placer.namespace} if order.placer.namespace else {}
        yield {"type": _of_type("PLAC"), **system, "value": order.placer.number}
    yield {"type": _of_type("ACSN"), "system": ACCESSIONS, "value": order.accession}
    yield {"system": UIDS, "value": f"urn:oid:{order.study_uid}"}


def _of_type(code: str) -> dict[str, Any]:
    return {"coding": [{"system": _TYPES, "code": code}]}


def _coding(procedure: Procedure) -> dict[str, str]:
    systems = {scheme: system for system, scheme in _SCHEMES.items()}
    system = systems.get(procedure.scheme)
    return {"code": procedure.code, **({"system": system} if system else {})}


def _subject(patient: Patient, systems: PatientSystems) -> dict[str, str]:
    return {"system": systems.system_of(patient.facts), "value": patient.identifier}
