"""The header in Chromium: one row on a phone, one menu of administration, and nothing wider than the screen."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from accessibility import faults_of
from conftest import PASSWORD
from lungwise.access import Role
from lungwise.languages import LANGUAGES

if TYPE_CHECKING:
    from live_server import Site

DESKTOP, PHONE = ViewportSize(width=1366, height=768), ViewportSize(width=390, height=844)
ADMINISTRATION = ("/accounts", "/clinic", "/audit", "/queue", "/drift")


def signed_in(chromium: Browser, served: Site, size: ViewportSize, role: Role) -> Page:
    served.enrol("Ada", role=role)
    context = chromium.new_context(viewport=size, locale="en-GB", bypass_csp=True)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{served.address}/sign-in")
    page.fill("[name=email]", "ada@example.org")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/studies")
    return page


def left_and_right(page: Page, part: str) -> tuple[float, float]:
    box = page.locator(part).bounding_box()
    assert box is not None
    return box["x"], box["x"] + box["width"]


def shown_links(page: Page) -> list[str]:
    links = page.locator("header nav a")
    return [str(link.get_attribute("href")) for link in links.all() if link.is_visible()]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_pages_of_administration_are_one_menu(size: ViewportSize, served: Site, chromium: Browser) -> None:
    page = signed_in(chromium, served, size, Role.ADMINISTRATOR)
    own = ["/studies", "/patients"] if size is PHONE else ["/studies", "/patients", "/orders", "/statistics"]
    assert shown_links(page) == own
    if size is PHONE:
        expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
        page.click(".menu-button")
    page.click(".administration summary")
    assert shown_links(page) == ["/studies", "/patients", "/orders", "/statistics", *ADMINISTRATION]
    assert faults_of(page) == []
    page.click('header a[href="/audit"]')
    page.wait_for_url("**/audit")
    if size is PHONE:
        expect(page.locator(".administration")).to_be_hidden()
        page.click(".menu-button")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.context.close()


def test_the_header_is_one_row_on_a_phone_in_every_language(served: Site, chromium: Browser) -> None:
    page = signed_in(chromium, served, PHONE, Role.ADMINISTRATOR)
    for language in LANGUAGES:
        page.context.add_cookies([{"name": "language", "value": language, "url": served.address}])
        page.goto(f"{served.address}/studies")
        edges = [left_and_right(page, part) for part in (".brand", "header > nav a:last-child", ".menu-button")]
        assert all(one[1] <= other[0] for one, other in pairwise(edges)), (language, edges)
        assert page.evaluate("document.querySelector('.top').offsetHeight") <= 64, language
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, language
    page.context.close()


def test_who_only_uploads_has_a_header_of_their_own_pages(served: Site, chromium: Browser) -> None:
    page = signed_in(chromium, served, PHONE, Role.HEALTH_WORKER)
    page.click(".menu-button")
    assert shown_links(page) == ["/studies"]
    expect(page.get_by_text("These are the studies that you uploaded.")).to_be_visible()
    page.context.close()


def test_the_menu_of_administration_moves_nothing_and_closes_when_one_goes_elsewhere(
    served: Site, chromium: Browser
) -> None:
    page = signed_in(chromium, served, DESKTOP, Role.ADMINISTRATOR)
    menu, opener = page.locator(".administration > div"), page.locator(".administration summary")
    before = page.locator("h1").bounding_box()
    opener.click()
    expect(menu).to_be_visible()
    assert page.locator("h1").bounding_box() == before
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    for _link in (*ADMINISTRATION, "who"):
        page.keyboard.press("Tab")
    expect(menu).to_be_hidden()
    opener.click()
    expect(menu).to_be_visible()
    page.locator("h1").click()
    expect(menu).to_be_hidden()
    page.context.close()
