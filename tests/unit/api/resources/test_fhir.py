"""Orders that come as FHIR ServiceRequests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.servicerequest import ServiceRequest

from dicom_files import dicom_file
from lungwise.access import Role
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.models import AuditEntry
from lungwise.audit.service import AuditTrail
from lungwise.orders.models import Order
from synthetic_films import chest_words

if TYPE_CHECKING:
    from conftest import Clock
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

MRN = "https://records.example.org/mrn"
FHIR = {"Content-Type": "application/fhir+json"}
TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Name the system of the hospital's own numbers, and itself as their issuer."""
    return settings.model_copy(update={"fhir_patient_system": MRN, "own_issuers": "HILL"})


def patient(number: str = "7", **more: Any) -> dict[str, Any]:
    name = {"family": "Rao", "given": ["Asha"]}
    identifier = {"system": MRN, "value": number}
    said = {"identifier": [identifier], "name": [name], "gender": "female"}
    return {"resourceType": "Patient", "id": "p", **said, **more}


def order(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "identifier": [
            {"system": "https://records.example.org/orders", "value": "O-1"},
            {"type": {"coding": [{"system": TYPES, "code": "ACSN"}]}, "value": "ACC-1"},
        ],
        "status": "active",
        "intent": "order",
        "priority": "stat",
        "code": {"coding": [{"system": "http://loinc.org", "code": "30745-4", "display": "XR Chest Views"}]},
        "subject": {"reference": "#p"},
        "contained": [patient()],
        "occurrenceDateTime": "2026-03-02T10:00:00+01:00",
        "requester": {"display": "Dr Curie"},
        "reasonCode": [{"text": "Cough for three weeks"}],
        **more,
    }


def sent(program: Any, resource: Any, path: str = "/fhir/ServiceRequest", **headers: str) -> Any:
    """Send a resource, and return the status and what is answered, which is FHIR in every case."""
    data = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
    answer = program.ask("POST", path, {**FHIR, **headers}, data=data)
    assert answer.mimetype == "application/fhir+json", answer.text
    if answer.status_code >= 400:
        OperationOutcome.model_validate_json(answer.data)
    return answer.status_code, answer.json


def test_an_order_is_placed_once_changed_and_cancelled(app: Lungwise, program: Any) -> None:
    status, made = sent(program, order())
    ServiceRequest.model_validate(made)
    assert (status, made["status"], made["priority"]) == (201, "active", "stat")
    assert {"system": "https://records.example.org/orders", "value": "O-1"}.items() <= made["identifier"][0].items()
    assert made["identifier"][1]["value"] == "ACC-1"
    assert made["code"] == {"coding": [{"system": "http://loinc.org", "code": "30745-4"}], "text": "XR Chest Views"}
    assert made["subject"]["identifier"]["value"] == "7"
    assert (made["occurrenceDateTime"], made["requester"]) == ("2026-03-02T09:00:00Z", {"display": "Dr Curie"})
    assert program.get(f"/fhir/ServiceRequest/{made['id']}") == made
    assert sent(program, order()) == (200, made)
    status, changed = sent(program, order(priority="routine"))
    assert (status, changed["id"], changed["priority"]) == (200, made["id"], "routine")
    status, over = sent(program, order(status="revoked"))
    assert (status, over["id"], over["status"]) == (200, made["id"], "revoked")
    assert sent(program, order(status="revoked")) == (200, over)
    status, refused = sent(program, order(priority="urgent"))
    assert (status, refused["issue"][0]["code"]) == (422, "processing")
    with app.database.reading() as session:
        (kept,) = session.query(Order).all()
        assert (kept.way, kept.reason, kept.referring_physician) == ("fhir", "Cough for three weeks", "Dr Curie")
    (found,) = program.ask("POST", "/patients/search", json={"text": "7"}).json["items"]
    assert (found["identifier"], found["name"], found["sex"]) == ("7", "Asha Rao", "F")


def test_a_bundle_is_done_whole_or_not_at_all(app: Lungwise, program: Any) -> None:
    def bundle(*requests: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
        own: dict[str, Any] = {"fullUrl": "urn:uuid:5b2f6c1e-7d0a-4e0f-9a3d-6c756e677769", "resource": patient()}
        entries = [own, *({"resource": one} for one in requests)]
        if kind == "transaction":
            for entry in entries:
                entry["request"] = {"method": "POST", "url": entry["resource"]["resourceType"]}
        return {"resourceType": "Bundle", "type": kind, "entry": entries}

    refers = {"contained": None, "subject": {"reference": "urn:uuid:5b2f6c1e-7d0a-4e0f-9a3d-6c756e677769"}}
    first = {name: value for name, value in order(**refers).items() if value}
    second = first | {"identifier": [{"value": "O-2"}], "subject": {"reference": "Patient/p"}}
    of_nobody = first | {"identifier": [{"value": "O-3"}], "subject": {"reference": "Patient/q"}}
    assert sent(program, bundle(first, of_nobody), "/fhir")[0] == 422
    with app.database.reading() as session:
        assert session.query(Order).count() == 0
    status, done = sent(program, bundle(first, second), "/fhir")
    assert (status, [entry["response"]["status"] for entry in done["entry"]]) == (200, ["201", "201"])
    key = done["entry"][1]["response"]["location"].partition("/")[2]
    assert program.get(f"/fhir/ServiceRequest/{key}")["identifier"][0]["value"] == "O-2"
    for _time in range(2):
        assert sent(program, bundle(first, second), "/fhir", **{"Idempotency-Key": "k"})[0] == 200
    again = sent(program, bundle(first, second, kind="collection"), "/fhir")[1]
    assert [entry["response"]["status"] for entry in again["entry"]] == ["200", "200"]
    wrongs: tuple[dict[str, Any], ...] = ({"type": "message"}, {"entry": []})
    for wrong in wrongs:
        assert sent(program, bundle(first) | wrong, "/fhir")[0] == 422


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        (b"[]", 400, "structure"),
        (b"{", 400, "structure"),
        (b'{"extension":' * 3000 + b"1" + b"}" * 3000, 400, "structure"),
        (order(status="draft"), 422, "processing"),
        (order(intent="plan"), 422, "processing"),
        (order(identifier=[]), 422, "processing"),
        (order(subject={"reference": "Patient/elsewhere"}), 422, "processing"),
        (order(contained=[patient("ANONYMOUS")]), 422, "processing"),
        (order(contained=[patient("7" * 65)]), 422, "processing"),
        (order(status="revoked"), 422, "processing"),
        (order(priority="soon"), 422, "processing"),
        (order(subject=None), 400, "structure"),
        (order(occurrenceDateTime="soon"), 422, "invalid"),
        (order(nonsense=1), 422, "invalid"),
        (patient(), 422, "processing"),
        (order(note=[{"text": "x" * 70_000}]), 413, "too-long"),
        (order(reasonCode=[{"text": "x" * 1001}]), 422, "processing"),
    ],
)
def test_what_cannot_be_an_order_is_refused_as_fhir_says(wrong: Any, status: int, code: str, program: Any) -> None:
    found, outcome = sent(program, wrong)
    assert (found, outcome["issue"][0]["code"]) == (status, code)
    assert "Rao" not in json.dumps(outcome)


def test_the_same_key_does_nothing_twice_and_another_patient_is_refused(program: Any) -> None:
    headers = {"Idempotency-Key": "k"}
    first = sent(program, order(), **headers)
    assert sent(program, order(), **headers) == first
    assert sent(program, order(priority="urgent"), **headers)[0] == 409
    assert sent(program, order(contained=[patient("8")]))[0] == 409
    assert program.ask("POST", "/fhir/ServiceRequest", {"Content-Type": "text/plain"}, data=b"{}").status_code == 415


def test_only_who_sees_the_clinic_may_order_and_nobody_sees_another_clinics(
    app: Lungwise, program: Any, enrol: Callable[..., Person], clock: Clock
) -> None:
    key = sent(program, order())[1]["id"]
    for name, clinic, role, scopes, status in (
        ("Bea", "Hill", Role.HEALTH_WORKER, tuple(Scope), 403),
        ("Cyd", "Hill", Role.DOCTOR, (Scope.SEE,), 403),
        ("Dan", "Dale", Role.DOCTOR, tuple(Scope), 201),
    ):
        person = enrol(app, name, clinic=clinic, role=role)
        with app.database.writing() as session:
            tokens = Tokens(session, clock, AuditTrail(session, clock))
            other = type(program)(app, tokens.add(person, "script", scopes, 30)[1])
        assert sent(other, order())[0] == status
        if clinic == "Dale":
            answer = other.ask("GET", f"/fhir/ServiceRequest/{key}")
            assert (answer.status_code, answer.json["resourceType"]) == (404, "OperationOutcome")
    assert app.test_client().get("/api/v1/fhir/ServiceRequest/" + key).status_code == 401


def test_a_number_of_another_issuer_is_another_patient_and_one_of_our_own_has_the_hospitals_system(
    program: Any, film: Callable[..., bytes]
) -> None:
    systems = (f"urn:oid:2.16.840.1.113883.3.{end}" for end in ("1.11", "11.1"))
    subjects = [{"identifier": {"system": system, "value": "7"}} for system in systems]
    for number, subject in enumerate(subjects):
        asked = order(identifier=[{"value": f"O-{number}"}], subject=subject, contained=None)
        made = sent(program, {name: value for name, value in asked.items() if value})[1]
        assert made["subject"]["identifier"]["system"].startswith("urn:lungwise:patient:urn")
    found = program.ask("POST", "/patients/search", json={"text": "7"}).json["items"]
    assert len(found) == 2
    program.upload(film(1), identifier="8", issuer="Hill", name="Asha Rao")
    made = sent(program, order(contained=[patient("8")]))[1]
    assert made["subject"]["identifier"] == {"system": MRN, "value": "8"}


def test_an_order_is_active_again_once_somebody_deletes_the_study_that_answered_it(
    app: Lungwise, program: Any, enrol: Callable[..., Person], clock: Clock
) -> None:
    administrator = enrol(app, "Eve", role=Role.ADMINISTRATOR)
    with app.database.writing() as session:
        tokens = Tokens(session, clock, AuditTrail(session, clock))
        eve = type(program)(app, tokens.add(administrator, "script", tuple(Scope), 30)[1])
    key, header = sent(program, order())[1]["id"], {"PatientID": "7", "PatientName": "Rao^Asha"}
    study = program.upload(dicom_file(chest_words(), AccessionNumber="ACC-1", **header))
    assert program.get(f"/fhir/ServiceRequest/{key}")["status"] == "completed"
    status, refused = sent(program, order(status="revoked"))
    assert (status, "Films of this order" in refused["issue"][0]["diagnostics"]) == (409, True)
    assert eve.ask("DELETE", f"/studies/{study['key']}").status_code == 200
    assert program.get(f"/fhir/ServiceRequest/{key}")["status"] == "active"
    assert sent(program, order(status="revoked"))[1]["status"] == "revoked"


def test_who_gets_an_order_is_in_the_trail(app: Lungwise, program: Any) -> None:
    _status, made = sent(program, order())
    program.get(f"/fhir/ServiceRequest/{made['id']}")
    with app.database.reading() as session:
        entries = session.query(AuditEntry).filter_by(action="saw")
        assert [(entry.subject, entry.subject_key) for entry in entries] == [("order", made["id"])]
