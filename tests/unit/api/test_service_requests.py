from __future__ import annotations

import json
from datetime import UTC, date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from lungwise.api.service_requests import FhirRejected, OwnSystem, asked_orders, read_object
from lungwise.orders.order import OrderUrgency
from lungwise.reports.patient_systems import PatientSystems
from lungwise.webkit.problems import Refused

OWN = OwnSystem(patients=PatientSystems(own="https://records.example.org/mrn"), zone=UTC)
LEAST = {
    "resourceType": "ServiceRequest",
    "identifier": [{"value": "O-1"}],
    "status": "active",
    "intent": "order",
    "subject": {"identifier": {"system": "https://records.example.org/mrn", "value": "7"}},
}


def asked(**more: Any) -> Any:
    (found,) = asked_orders(LEAST | more, OWN)
    return found


def test_the_least_request_is_an_order_of_the_hospitals_own_patient() -> None:
    found = asked()
    assert (found.patient.identifier, found.patient.issuer, found.cancels) == ("7", "", False)
    assert (found.placer.number, found.placer.namespace, found.order.urgency) == ("O-1", "", OrderUrgency.ROUTINE)


def test_whose_number_it_is_and_which_number_is_the_placers() -> None:
    of_another = {"identifier": {"system": "urn:lungwise:patient:Old%20Town", "value": "7"}}
    assert asked(subject=of_another).patient.issuer == "Old Town"
    as_written = {"identifier": {"system": "https://other.example.org/a%2Fb", "value": "7"}}
    assert asked(subject=as_written).patient.issuer == "https://other.example.org/a%2Fb"
    kinds = [{"type": {"coding": [{"code": code}]}, "value": code} for code in ("FILL", "ACSN", "X", "PLAC")]
    found = asked(identifier=kinds)
    assert (found.placer.number, found.order.accession) == ("PLAC", "ACSN")
    with pytest.raises(FhirRejected):
        asked(identifier=kinds[:2])


@pytest.mark.parametrize(("system", "value"), [("urn:x:" + "y" * 59, "7"), ("urn:x", "7" * 65)])
def test_a_number_that_is_too_long_is_refused_and_never_cut(system: str, value: str) -> None:
    identifier = {"system": system, "value": value}
    patient = {"resourceType": "Patient", "id": "p", "identifier": [identifier]}
    for named in ({"subject": {"reference": "#p"}, "contained": [patient]}, {"subject": {"identifier": identifier}}):
        with pytest.raises(FhirRejected, match="longer than 64 characters"):
            asked(**named)


def test_the_system_of_the_hospitals_own_numbers_may_be_long() -> None:
    system = "https://records.example.org/" + "y" * 60
    own = OwnSystem(patients=PatientSystems(own=system), zone=UTC)
    (found,) = asked_orders(LEAST | {"subject": {"identifier": {"system": system, "value": "7"}}}, own)
    assert (found.patient.identifier, found.patient.issuer) == ("7", "")


def test_texts_fit_what_an_x_ray_machine_takes() -> None:
    code = {"coding": [{"system": "urn:x", "code": "c" * 17, "display": "d"}], "text": "word\n" * 40}
    order = asked(code=code, requester={"display": "n" * 300}, occurrenceDateTime="2026-03-02").order.checked()
    assert (order.procedure.code, len(order.procedure.description)) == ("", 64)
    assert (len(order.referring_physician), len(order.ordered_by)) == (64, 120)
    assert order.scheduled_at.date() == date(2026, 3, 2)


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*LEAST, "id", "code"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*LEAST, "code", "contained", "note", "priority"]), _VALUES, max_size=4))
@example({"contained": [{"resourceType": False}]})
@example({"contained": [{"resourceType": "Films"}]})
def test_whatever_comes_is_an_order_or_refused(changed: dict[str, Any]) -> None:
    try:
        for found in asked_orders(read_object(json.dumps(LEAST | changed).encode()), OWN):
            assert found.placer.number
    except (FhirRejected, Refused, ValidationError):
        pass


@given(st.binary(max_size=100))
def test_no_bytes_are_more_than_refused(body: bytes) -> None:
    try:
        assert isinstance(read_object(body), dict)
    except Refused as refused:
        assert refused.status == 400
