from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dicom_files import dicom_file
from lungwise.access import Role
from lungwise.audit.service import AuditTrail
from lungwise.orders.order import OrderRequest, OrderWay
from lungwise.orders.service import Orders
from lungwise.patients.service import PatientFacts, Patients
from synthetic_films import chest_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

BELA = {"identifier": "7", "name": "Bartok Bela"}


def place(program: Any, **asked: Any) -> Any:
    answer = program.ask("POST", "/orders", json={"facts": BELA, **asked})
    assert answer.status_code == 201, answer.text
    return answer.json


def test_an_order_is_placed_found_and_cancelled(program: Any) -> None:
    asked = {
        "placer": {"number": "4711", "namespace": "RIS"},
        "accession": "A-1",
        "procedure": {"description": "Chest PA", "code": "36643-5", "scheme": "LN"},
        "reason": "cough\nfor weeks",
        "modality": "CR",
        "station": "VILLAGE",
        "scheduled_at": "2026-03-04T12:00:00+02:00",
        "referring_physician": "Kodály^Zoltán\u00a0",
        "ordered_by": "Ward 3",
        "urgency": "urgent",
    }
    order = place(program, **asked)
    said = {**asked, "referring_physician": "Kodály^Zoltán", "scheduled_at": "2026-03-04T10:00:00Z"}
    assert order == {**order, **said, "status": "requested", "way": "api", "study": None}
    assert program.get(f"/orders/{order['key']}") == order
    assert program.get(f"/patients/{order['patient']}")["name"] == "Bartok Bela"
    cancelled = program.ask("POST", f"/orders/{order['key']}/cancel")
    assert (cancelled.status_code, cancelled.json["status"]) == (200, "cancelled")
    assert program.get(f"/fhir/ServiceRequest/{order['key']}")["status"] == "revoked"


def test_an_order_is_placed_once_by_its_key_and_by_its_placers_number(program: Any) -> None:
    key = {"Idempotency-Key": "one"}
    first, again = (program.ask("POST", "/orders", key, json={"facts": BELA}) for _time in range(2))
    assert (first.json, first.status_code) == (again.json, 201)
    assert program.ask("POST", "/orders", key, json={"facts": BELA, "reason": "fever"}).status_code == 409
    placer = {"number": "4711", "namespace": "RIS"}
    assert place(program, placer=placer)["key"] == place(program, placer=placer, reason="fever")["key"]
    assert len(program.get("/orders")["items"]) == 2


def test_an_order_is_of_a_patient_by_key_too(program: Any) -> None:
    patient = place(program)["patient"]
    assert program.ask("POST", "/orders", json={"patient": patient}).json["patient"] == patient
    assert program.ask("POST", "/orders", json={"patient": "0" * 20}).status_code == 404


def test_orders_are_listed_by_what_is_asked_and_page_by_page(program: Any) -> None:
    keys = [place(program, accession=f"A-{n}", scheduled_at=f"2026-03-0{n}T23:30:00Z")["key"] for n in (1, 2, 3)]
    other = place(program, facts={"identifier": "8", "name": "Schumann Clara"}, scheduled_at="2026-04-01T00:00:00Z")
    program.ask("POST", f"/orders/{keys[0]}/cancel")

    def listed(**asked: str) -> list[str]:
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        return [one["key"] for one in program.get(f"/orders?{query}")["items"]]

    assert listed() == [other["key"], *keys[::-1]]
    assert listed(status="cancelled") == [keys[0]]
    assert listed(patient=other["patient"]) == [other["key"]]
    assert listed(patient="0" * 20) == []
    assert listed(since="2026-03-02", until="2026-03-03") == [keys[2], keys[1]]

    def found(**asked: str) -> list[str]:
        return [one["key"] for one in program.ask("POST", "/orders/search", json=asked).json["items"]]

    assert found(accession=" A-2") == [keys[1]]
    assert found(text="schum") == [other["key"]]
    assert found(text="schum", status="done") == []


def test_a_page_of_orders_says_where_the_next_begins(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("lungwise.orders.service", "lungwise.api.resources.orders"):
        monkeypatch.setattr(f"{module}.PAGE", 2)
    keys = [place(program)["key"] for _time in range(3)]
    first = program.get("/orders")
    rest = program.get(f"/orders?cursor={first['next']}")
    assert [one["key"] for one in (*first["items"], *rest["items"])] == keys[::-1]
    assert rest["next"] is None
    assert program.ask("GET", "/orders?cursor=x").status_code == 422


def test_what_contradicts_an_order_that_is_here_is_refused(program: Any) -> None:
    order = place(program, accession="A-1", placer={"number": "4711"})
    clara = {"facts": {"identifier": "8"}, "placer": {"number": "4711"}}
    for path, body in (("/orders", {"facts": BELA, "accession": "A-1"}), ("/orders", clara)):
        answer = program.ask("POST", path, json=body)
        assert (answer.status_code, answer.content_type) == (409, "application/problem+json")
    assert program.ask("POST", "/patients/search", json={"text": "8"}).json["items"] == []  # nobody is added
    program.upload(scan(1, accession="A-1"))
    assert program.ask("POST", f"/orders/{order['key']}/cancel").status_code == 409


def scan(number: int, accession: str, **header: str) -> bytes:
    facts = {"PatientID": "7", "PatientName": "Bartok^Bela", "AccessionNumber": accession, **header}
    return dicom_file(chest_words(seed=number), SOPInstanceUID=f"1.2.{number}", **facts)


def test_a_study_carries_the_orders_that_it_answers_and_warns_of_those_of_others(program: Any) -> None:
    order = place(program, accession="A-1")
    study = program.upload(scan(1, accession="A-1"))
    assert study["orders"] == [{"key": order["key"], "accession": "A-1", "status": "done"}]
    assert study["others_orders"] == []
    assert program.get(f"/orders/{order['key']}")["study"] == study["key"]
    other = program.upload(scan(2, accession="A-1", PatientID="8", PatientName="Schumann^Clara"))
    assert (other["orders"], other["others_orders"]) == ([], ["A-1"])
    assert program.get(f"/studies/{other['key']}/report")["study"]["others_orders"] == ["A-1"]


def test_an_order_of_another_clinic_is_not_there(
    app: Lungwise, program: Any, clock: Clock, enrol: Callable[..., Person]
) -> None:
    bob = enrol(app, "Bob", "Valley", Role.DOCTOR)
    with app.database.writing() as session:
        audit = AuditTrail(session, clock)
        orders = Orders(session, clock, Patients(session, clock, audit), audit)
        key = orders.place(bob, PatientFacts(identifier="9"), OrderRequest(), OrderWay.API).order.key
    assert program.ask("GET", f"/orders/{key}").status_code == 404
    assert program.ask("POST", f"/orders/{key}/cancel").status_code == 404
    assert program.get("/orders")["items"] == []
