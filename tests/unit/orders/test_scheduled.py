from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.access import Role
from lungwise.errors import NotFound, Rejected
from lungwise.orders import scheduled
from lungwise.orders.order import OrderRequest, OrderWay
from lungwise.orders.scheduled import Scheduled, ScheduledOrders, ScheduledQuery, is_named
from lungwise.orders.service import Orders
from lungwise.patients.service import PatientFacts

if TYPE_CHECKING:
    from conftest import Services

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
BELA = PatientFacts(identifier="H-7", name="Bartók Béla")
CLARA = PatientFacts(identifier="H-8", name="Schumann^Clara")


@pytest.fixture
def worklist(either_services: Services) -> ScheduledOrders:
    """Give the worklist of a clinic with four orders, one of them cancelled, and one of another clinic."""
    services = either_services
    orders = Orders(services.session, services.clock, services.patients, services.audit)
    ada, bob = services.person(), services.person("Bob", "Valley")
    for person, who, asked in (
        (ada, BELA, OrderRequest(accession="A1", station="ROOM1", scheduled_at=NINE + timedelta(hours=2))),
        (ada, CLARA, OrderRequest(accession="A2", scheduled_at=NINE, modality="CR")),
        (ada, BELA, OrderRequest(accession="B1", scheduled_at=NINE + timedelta(days=1))),
        (ada, BELA, OrderRequest(accession="A4", scheduled_at=NINE)),
        (bob, BELA, OrderRequest(accession="A1", scheduled_at=NINE)),
    ):
        orders.place(person, who, asked, OrderWay.PAGE)
    cancelled = orders.with_accession(ada, "A4")
    assert cancelled
    orders.cancel(ada, cancelled.key)
    return ScheduledOrders(services.session, services.patients, services.audit)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        (ScheduledQuery(), ["A2", "A1", "B1"]),
        (ScheduledQuery(accession="A1"), ["A1"]),
        (ScheduledQuery(accession="A?"), ["A2", "A1"]),
        (ScheduledQuery(accession="A4"), []),
        (ScheduledQuery(accession="none"), []),
        (ScheduledQuery(patient_id="H-7"), ["A1", "B1"]),
        (ScheduledQuery(patient_id="*8"), ["A2"]),
        (ScheduledQuery(patient_id="nobody"), []),
        (ScheduledQuery(patient_name="BART*"), ["A1", "B1"]),
        (ScheduledQuery(patient_name="schumann^c*"), ["A2"]),
        (ScheduledQuery(modality="CR"), ["A2"]),
        (ScheduledQuery(station="ROOM1"), ["A2", "A1", "B1"]),
        (ScheduledQuery(station="ROOM2"), ["A2", "B1"]),
        (ScheduledQuery(first=NINE + timedelta(hours=1), last=NINE + timedelta(hours=3)), ["A1"]),
        (ScheduledQuery(study_uids=("1.2.3",)), []),
    ],
)
def test_a_machine_is_shown_the_open_orders_of_its_clinic_that_it_asks_for(
    asked: ScheduledQuery, numbers: list[str], either_services: Services, worklist: ScheduledOrders
) -> None:
    ada = either_services.person("Eve")
    found = worklist.find(ada, asked, "CR1")
    assert [one.order.accession for one in found.scheduled] == numbers
    assert not found.is_cut


def test_an_answer_is_cut_and_says_so(
    either_services: Services, worklist: ScheduledOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = either_services.person("Eve")
    monkeypatch.setattr(scheduled, "MOST_FOUND", 2)
    found = worklist.find(ada, ScheduledQuery(), "CR1")
    assert ([_number(one) for one in found.scheduled], found.is_cut) == (["A2", "A1"], True)
    monkeypatch.setattr(scheduled, "MOST_EXAMINED", 1)
    found = worklist.find(ada, ScheduledQuery(patient_id="H*7"), "CR1")
    assert ([_number(one) for one in found.scheduled], found.is_cut) == ([], True)


def test_what_takes_too_long_to_match_is_refused(services: Services) -> None:
    orders = ScheduledOrders(services.session, services.patients, services.audit)
    with pytest.raises(Rejected):
        orders.find(services.person(), ScheduledQuery(patient_name="*a" * 17), "CR1")
    with pytest.raises(NotFound):
        orders.find(services.person("Wim", role=Role.HEALTH_WORKER), ScheduledQuery(), "CR1")


@pytest.mark.parametrize(
    ("name", "asked", "fits"),
    [
        ("Béla Bartók", "bartok^bela", True),
        ("Bartók^Béla", "BARTÓK", True),
        ("Bartók^Béla", "Bart", False),
        ("Bartók^Béla", "*", True),
        ("Bartók^Béla", "", True),
        ("Bartók^Béla", "Kod*^B*", False),
        ("de la Cruz^Ana", "de la Cruz^Ana", False),
        ("de la Cruz Ana", "de la Cruz*", True),
        ("山田 太郎", "山田*", True),
    ],
)
def test_a_name_is_matched_by_its_words(name: str, asked: str, fits: bool) -> None:
    assert is_named(name, asked) is fits


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_texts_can_be_compared(name: str, asked: str) -> None:
    assert is_named(name, "*") or not name.strip()
    is_named(name, asked)


def _number(one: Scheduled) -> str:
    return one.order.accession
