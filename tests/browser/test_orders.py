"""Ordering films in a real Chromium: what is pressed twice, or sent again after going back, is one order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from sqlalchemy import func, select

from lungwise.audit.service import AuditTrail
from lungwise.orders.models import Order
from lungwise.patients.service import PatientFacts, Patients
from lungwise.store import utc_now
from processes import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from live_server import Site


def test_a_double_click_and_going_back_order_nothing_twice(served: Site, page: Page) -> None:
    ada = served.enrol("Ada")
    with served.database.writing() as session:
        facts = PatientFacts(identifier="7", name="Bartok Bela")
        patient = Patients(session, utc_now, AuditTrail(session, utc_now)).match_or_add(ada, facts).patient.key
    page.goto(f"{served.address}/sign-in")
    page.fill("[name=email]", "ada@example.org")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.goto(f"{served.address}/patients/{patient}/order")
    page.fill("[name=reason]", "cough")
    page.dblclick("main [type=submit]")
    page.wait_for_url(re.compile("/orders/[0-9a-f]{20}$"))
    page.go_back()
    page.fill("[name=reason]", "cough")
    page.click("main [type=submit]")
    page.wait_for_url(re.compile("/orders/[0-9a-f]{20}$"))
    page.goto(f"{served.address}/patients/{patient}")
    expect(page.locator("table.list tbody tr")).to_have_count(1)
    with served.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Order)) == 1
