from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from conftest import Clock
from lungwise.access import Person, Role
from lungwise.audit.service import AuditFilter, AuditTrail
from lungwise.errors import NotFound, Rejected
from lungwise.orders.models import Order
from lungwise.orders.order import OrderRequest, OrderStatus, OrderUrgency, OrderWay, PlacerNumber, Procedure
from lungwise.orders.progress import OrderProgress
from lungwise.orders.service import OrderFilter, Orders
from lungwise.patients.service import PatientFacts, Patients
from lungwise.store import Database

if TYPE_CHECKING:
    from conftest import Services

PLACER = PlacerNumber(number="4711", namespace="OPENMRS")
BELA = PatientFacts(identifier="7", name="Bartók^Béla")
ASKED = OrderRequest(
    placer=PLACER,
    procedure=Procedure(description="Chest PA", code="36643-5", scheme="LN"),
    reason="cough for three weeks",
    modality="CR",
    station="VILLAGE",
    scheduled_at=datetime(2026, 3, 2, 10, tzinfo=UTC),
    referring_physician="Kodály^Zoltán",
    urgency=OrderUrgency.URGENT,
)


@pytest.fixture
def orders(either_services: Services) -> Iterator[Orders]:
    """Give the orders over SQLite, and again over MariaDB."""
    yield orders_of(either_services)


def orders_of(services: Services) -> Orders:
    return Orders(services.session, services.clock, services.patients, services.audit)


def test_what_an_order_asks_for_is_kept_and_numbered(either_services: Services, orders: Orders) -> None:
    ada = either_services.person()
    key = orders.place(ada, BELA, ASKED, OrderWay.HL7).order.key
    either_services.session.commit()
    either_services.session.expunge_all()
    order = orders.get(ada, key)
    assert (order.placer, order.procedure, order.reason) == (PLACER, ASKED.procedure, ASKED.reason)
    assert (order.modality, order.station, order.urgency, order.way) == ("CR", "VILLAGE", "urgent", "hl7")
    assert (order.scheduled_at, order.referring_physician) == (ASKED.scheduled_at, "Kodály^Zoltán")
    assert (order.ordered_by, order.status) == (ada.name, OrderStatus.REQUESTED)
    assert len(order.accession) == 14
    assert order.study_uid.startswith("2.25.")
    assert orders.with_accession(ada, order.accession) is order
    assert orders.placed_as(ada, PLACER) is order
    assert orders.place(ada, BELA, OrderRequest(), OrderWay.PAGE).order.accession != order.accession


def test_a_placers_number_is_one_order_within_its_namespace_and_clinic(services: Services) -> None:
    orders, ada, bob = orders_of(services), services.person(), services.person("Bob", "Valley")
    first = orders.place(ada, BELA, ASKED, OrderWay.HL7)
    same = OrderRequest(placer=PlacerNumber(number=" 4711 ", namespace="OPENMRS"))
    again = orders.place(ada, BELA, same, OrderWay.HL7)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.order is first.order
    assert first.order.reason == ASKED.reason
    elsewhere = OrderRequest(placer=PlacerNumber(number="4711", namespace="OPENEMR"))
    assert orders.place(ada, BELA, elsewhere, OrderWay.HL7).is_new
    assert orders.place(bob, BELA, ASKED, OrderWay.HL7).is_new
    with pytest.raises(Rejected, match="another patient"):
        orders.place(ada, PatientFacts(identifier="8"), ASKED, OrderWay.HL7)
    with pytest.raises(NotFound):
        orders.get(bob, first.order.key)


def test_an_accession_number_is_one_orders_within_a_clinic(services: Services) -> None:
    orders, ada = orders_of(services), services.person()
    orders.place(ada, BELA, OrderRequest(accession="A-1"), OrderWay.PAGE)
    with pytest.raises(Rejected, match="accession number"):
        orders.place(ada, BELA, OrderRequest(accession="A-1 "), OrderWay.PAGE)
    assert orders.place(services.person("Bob", "Valley"), BELA, OrderRequest(accession="A-1"), OrderWay.PAGE).is_new


@pytest.mark.parametrize(
    "asked",
    [
        OrderRequest(accession="12345678901234567"),
        OrderRequest(accession="a\\b"),
        OrderRequest(study_uid="1.2.03"),
        OrderRequest(study_uid="1." * 32 + "1"),
        OrderRequest(modality="MR"),
        OrderRequest(placer=PlacerNumber(number="  ")),
        OrderRequest(placer=PlacerNumber(number="1" * 65)),
        OrderRequest(station="SEVENTEEN-LETTERS"),
        OrderRequest(reason="a" * 1001),
        OrderRequest(reason="a\0b"),
        OrderRequest(referring_physician="a\nb"),
        OrderRequest(procedure=Procedure(code="1" * 17)),
    ],
)
def test_what_cannot_be_kept_or_handed_on_is_refused(asked: OrderRequest, services: Services) -> None:
    with pytest.raises(Rejected):
        orders_of(services).place(services.person(), BELA, asked, OrderWay.API)


def test_the_same_order_from_a_page_is_one_while_it_waits(services: Services) -> None:
    orders, ada, eve = orders_of(services), services.person(), services.person("Eve")
    patient = services.patients.match_or_add(ada, BELA).patient
    other = services.patients.match_or_add(ada, PatientFacts(identifier="8")).patient
    asked = OrderRequest(reason="cough", scheduled_at=ASKED.scheduled_at)
    first = orders.place_from_page(ada, patient, asked).order
    again = orders.place_from_page(ada, patient, replace(asked, reason=" cough "))
    assert (again.order, again.is_new) == (first, False)
    later, sooner = replace(asked, scheduled_at=None), replace(asked, urgency=OrderUrgency.STAT)
    numbered = replace(asked, accession="A-1")
    others = ((eve, patient, asked), (ada, other, asked), *((ada, patient, one) for one in (later, sooner, numbered)))
    assert all(orders.place_from_page(*one).is_new for one in others)
    services.clock.forward(days=1)
    assert orders.place_from_page(ada, patient, asked).is_new


def test_what_was_ordered_for_now_is_the_same_a_little_later(services: Services) -> None:
    orders, ada = orders_of(services), services.person()
    patient = services.patients.match_or_add(ada, BELA).patient
    first = orders.place_from_page(ada, patient, OrderRequest()).order
    services.clock.forward(minutes=1)
    assert orders.place_from_page(ada, patient, OrderRequest()).order is first
    OrderProgress(services.session).begin(first, "study")
    assert orders.place_from_page(ada, patient, OrderRequest()).is_new


def test_a_change_replaces_what_is_asked_for_and_never_the_numbers(services: Services) -> None:
    orders, ada = orders_of(services), services.person()
    order = orders.place(ada, BELA, ASKED, OrderWay.HL7).order
    numbers = (order.accession, order.study_uid, order.placer)
    changed = orders.change(ada, order.key, OrderRequest(placer=PLACER, reason="fever", modality="DX"))
    assert (changed.reason, changed.modality, changed.station) == ("fever", "DX", "")
    assert changed.scheduled_at == ASKED.scheduled_at
    assert (order.accession, order.study_uid, order.placer) == numbers
    entries = len(services.audit.page(ada, AuditFilter()))
    orders.change(ada, order.key, OrderRequest(reason="fever"))
    assert len(services.audit.page(ada, AuditFilter())) == entries
    with pytest.raises(Rejected, match="numbers"):
        orders.change(ada, order.key, OrderRequest(accession="OTHER"))


def test_only_an_order_without_films_is_cancelled(either_services: Services) -> None:
    services, orders, ada = either_services, orders_of(either_services), either_services.person()
    first, second = (orders.place(ada, BELA, OrderRequest(), OrderWay.PAGE).order for _ in range(2))
    orders.cancel(ada, first.key)
    assert orders.cancel(ada, first.key).status == OrderStatus.CANCELLED
    with pytest.raises(Rejected, match="cancelled"):
        orders.change(ada, first.key, OrderRequest(reason="late"))
    OrderProgress(services.session).begin(second, "study")
    with pytest.raises(Rejected, match="Films of this order"):
        orders.cancel(ada, second.key)
    OrderProgress(services.session).finish(["study"])
    with pytest.raises(Rejected, match="Films of this order"):
        orders.cancel(ada, second.key)
    with pytest.raises(Rejected, match="not done"):
        orders.change(ada, second.key, OrderRequest(reason="late"))
    OrderProgress(services.session).release("study")
    assert orders.cancel(ada, second.key).status == OrderStatus.CANCELLED


def test_an_order_whose_films_are_not_here_any_more_is_asked_for_again_where_it_is_changed(
    either_services: Services,
) -> None:
    services, orders, ada = either_services, orders_of(either_services), either_services.person()
    order, progress = orders.place(ada, BELA, ASKED, OrderWay.HL7).order, OrderProgress(either_services.session)
    progress.begin(order, "study")
    progress.finish(["study"])
    progress.release("study")
    services.session.expire_all()
    assert orders.change(ada, order.key, ASKED).status == OrderStatus.DONE  # which asks for nothing else
    assert orders.change(ada, order.key, replace(ASKED, reason="fever")).status == OrderStatus.REQUESTED


def test_a_health_worker_neither_sees_nor_places_orders(services: Services) -> None:
    orders, worker = orders_of(services), services.person("Wim", role=Role.HEALTH_WORKER)
    key = orders.place(services.person(), BELA, OrderRequest(), OrderWay.PAGE).order.key
    asked: tuple[Callable[[], object], ...] = (
        lambda: orders.get(worker, key),
        lambda: orders.cancel(worker, key),
        lambda: orders.page(worker, OrderFilter()),
        lambda: orders.place(worker, BELA, OrderRequest(), OrderWay.PAGE),
    )
    for ask in asked:
        with pytest.raises(NotFound):
            ask()


def test_a_page_holds_the_orders_of_a_status_and_of_the_patients_whom_a_text_finds(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders, ada = orders_of(services), services.person()
    clara = PatientFacts(identifier="8", name="Schumann^Clara")
    keys = [orders.place(ada, who, OrderRequest(), OrderWay.PAGE).order.key for who in (BELA, clara, BELA)]
    orders.cancel(ada, keys[0])
    services.session.commit()

    def listed(text: str = "", *statuses: OrderStatus) -> list[str]:
        return [order.key for order in orders.page(ada, OrderFilter(text=text, statuses=statuses))]

    assert listed() == keys[::-1]
    assert listed("", OrderStatus.REQUESTED) == [keys[2], keys[1]]
    assert listed("clara") == [keys[1]]
    monkeypatch.setattr("lungwise.orders.service.FEW", -1)  # as if more patients were found than can be looked up
    assert listed("bartok") == [keys[2], keys[0]]
    assert [one.key for one in orders.page(ada, OrderFilter(), orders.get(ada, keys[1]).id)] == [keys[0]]


def test_the_same_order_placed_by_two_at_once_is_one(either_services: Services) -> None:
    ada = either_services.person()
    database, together = Database(either_services.settings), Barrier(4)

    def place(_number: int) -> str:
        together.wait()
        return database.transact(lambda session: _placed(session, either_services.clock, ada))

    with ThreadPoolExecutor(4) as threads:
        keys = list(threads.map(place, range(4)))
    database.close()
    either_services.session.rollback()
    assert len(set(keys)) == 1
    assert either_services.session.scalar(select(func.count()).select_from(Order)) == 1


def _placed(session: Session, clock: Clock, person: Person) -> str:
    audit = AuditTrail(session, clock)
    orders = Orders(session, clock, Patients(session, clock, audit), audit)
    return orders.place(person, BELA, ASKED, OrderWay.HL7).order.key
