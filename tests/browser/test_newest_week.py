"""A chart that is wider than a phone is scrolled to its newest week, beside its axis; elsewhere it fills its card."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lungwise.access import Role
from processes import PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from live_server import Site


def test_a_phone_sees_the_newest_week_first(served: Site, page: Page, tmp_path: Path, film: object) -> None:
    served.enrol("Ada", role=Role.ADMINISTRATOR)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{served.address}/sign-in")
    page.fill("[name=email]", "ada@example.org")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/studies")
    (tmp_path / "film.jpg").write_bytes(film())  # type: ignore[operator]
    page.goto(f"{served.address}/studies/new")
    page.set_input_files("#films", str(tmp_path / "film.jpg"))
    page.locator("#upload").evaluate("form => form.requestSubmit()")
    page.wait_for_url(re.compile("/studies/[0-9a-f]{20}"))
    page.goto(f"{served.address}/statistics")
    chart = page.locator(".newest")
    assert chart.evaluate("box => box.scrollWidth > box.clientWidth")
    newest = page.locator(".newest rect").last.bounding_box()
    assert newest is not None
    assert newest["x"] + newest["width"] <= 390
    axis, label = (chart.locator(part).first.bounding_box() for part in (".axis", "svg:not(.axis) text"))
    assert axis is not None
    assert label is not None
    assert 0 <= axis["x"] < 60
    assert label["height"] >= 11
    page.set_viewport_size({"width": 1280, "height": 800})
    assert not chart.evaluate("box => box.scrollWidth > box.clientWidth")
    assert chart.evaluate("box => box.clientWidth - box.firstElementChild.offsetWidth") == 0
