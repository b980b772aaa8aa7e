from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from conftest import token_of
from lungwise.access import Role
from lungwise.orders.models import Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


@pytest.fixture
def ada(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> Visitor:
    """Sign a doctor in whose clinic has a patient."""
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    return ada


def patient_of(ada: Visitor, film: bytes) -> str:
    study = ada.upload(film, name="Béla Bartók", identifier="7")
    found = re.search(r'href="(/patients/\w+)"', ada.get(study).text)
    assert found
    return found[1]


def test_films_are_ordered_listed_and_cancelled(ada: Visitor, film: Callable[..., bytes]) -> None:
    patient = patient_of(ada, film(1))
    assert f'href="{patient}/order"' in ada.get(patient).text
    order = ada.post(
        f"{patient}/order", reason="cough for weeks", urgency="urgent", modality="CR", scheduled_at="2026-03-02T10:30"
    ).location
    page = ada.get(order).text
    assert "cough for weeks" in page
    assert "Imaging plate (CR)" in page
    (number,) = re.findall(r"<h1>Order (\w+)</h1>", page)
    assert number in ada.get("/orders").text
    found = ada.post("/orders", text="bartok", status="requested", follow=True).text
    assert number in found
    assert number not in ada.post("/orders", text="bartok", status="done", follow=True).text
    assert number not in ada.post("/orders", text="schumann", follow=True).text
    assert "The order is cancelled." in ada.post(f"{order}/cancel", page=order, follow=True).text
    assert "Cancel this order" not in ada.get(order).text


def test_what_a_rule_refuses_is_said_beside_the_form(ada: Visitor, film: Callable[..., bytes]) -> None:
    patient = patient_of(ada, film(1))
    first, second = (
        ada.post(f"{patient}/order", urgency=urgency, modality="DX", accession="A1", follow=urgency == "urgent")
        for urgency in ("routine", "urgent")
    )
    assert first.status_code == 302
    assert "Another order has this accession number." in second.text


def test_a_form_that_is_sent_again_orders_nothing_twice(ada: Visitor, film: Callable[..., bytes]) -> None:
    address = f"{patient_of(ada, film(1))}/order"
    keys = [re.findall('name="once" value="([0-9a-f]{20})"', ada.get(address).text)[0] for _time in range(2)]
    asked: dict[str, Any] = {"urgency": "routine", "modality": "DX"}
    sent = [ada.post(address, **asked, once=key, reason="cough").location for key in (keys[0], keys[0], keys[1])]
    assert len(set(sent)) == 1  # pressed twice, and after going back to a form that was loaded anew
    assert ada.post(address, **asked, once=keys[0], reason="fever").location not in sent
    ada.post(f"{sent[0]}/cancel", page=sent[0])
    assert ada.post(address, **asked, reason="cough").location not in sent


def test_two_presses_at_the_same_moment_make_one_order(
    either_app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(either_app, "Ada")
    visitors = [visit(either_app) for _tab in range(2)]
    for visitor in visitors:
        visitor.sign_in("ada@example.org")
    address, together = f"{patient_of(visitors[0], film(1))}/order", Barrier(2)
    tokens = [token_of(visitor.get(address).text) for visitor in visitors]

    def press(number: int) -> str | None:
        data = {"csrf_token": tokens[number], "once": "0" * 20, "urgency": "routine", "modality": "DX"}
        together.wait(60)
        return visitors[number].client.post(address, data=data).location

    with ThreadPoolExecutor(2) as both:
        locations = set(both.map(press, range(2)))
    assert len(locations) == 1 and None not in locations
    with either_app.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Order)) == 1


def test_a_radiologist_orders_and_a_health_worker_does_not(
    app: Lungwise, ada: Visitor, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    patient = patient_of(ada, film(1))
    enrol(app, "Wim", role=Role.HEALTH_WORKER)
    wim = visit(app)
    wim.sign_in("wim@example.org")
    assert [wim.get(path).status_code for path in ("/orders", f"{patient}/order")] == [404, 404]
    assert 'href="/orders"' not in wim.get("/studies").text
