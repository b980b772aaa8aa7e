from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role

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
    (number,) = re.findall(r"<h1>(\w+)</h1>", page)
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
        ada.post(f"{patient}/order", urgency="routine", modality="DX", accession="A1", follow=follow)
        for follow in (False, True)
    )
    assert first.status_code == 302
    assert "Another order has this accession number." in second.text


def test_a_radiologist_orders_and_a_health_worker_does_not(
    app: Lungwise, ada: Visitor, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    patient = patient_of(ada, film(1))
    enrol(app, "Wim", role=Role.HEALTH_WORKER)
    wim = visit(app)
    wim.sign_in("wim@example.org")
    assert [wim.get(path).status_code for path in ("/orders", f"{patient}/order")] == [404, 404]
    assert 'href="/orders"' not in wim.get("/studies").text
