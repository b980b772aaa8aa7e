"""Films that are sent after signing in again in another tab, from a page that was open when the session ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from live_server import Site

PASSWORD = "three green kites fly"
READ = ".verdict:not(.waiting)"


@pytest.fixture
def tabs(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="en-GB")
    context.set_default_timeout(120_000)
    yield context
    context.close()


def file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def sign_in(page: Page, base: str, email: str = "ada@example.org") -> None:
    page.goto(f"{base}/sign-in")
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(re.compile(r"/studies"))


def end_session(context: BrowserContext) -> None:
    """Let the session end, as when nobody has touched the page for long."""
    for page in context.pages:
        page.wait_for_load_state("networkidle")
    context.clear_cookies()


def test_what_this_browser_cannot_keep_is_sent_after_signing_in_in_another_tab(
    served: Site, tabs: BrowserContext, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    served.enrol("Bob")
    page, other = tabs.new_page(), tabs.new_page()
    sign_in(page, served.address)
    other.goto(f"{served.address}/static/icon.svg")  # like a page of long ago, it holds the database
    other.evaluate("() => { indexedDB.open('lungwise').onsuccess = () => indexedDB.deleteDatabase('lungwise'); }")
    page.goto(f"{served.address}/studies/new")
    page.set_input_files("#films", [file("one.jpg", film(1))])
    page.fill("[name=name]", "Clara Wieck")
    end_session(tabs)
    page.click("#upload [type=submit]")
    warning = page.locator("#trouble", has_text="Do not close or reload this page")
    expect(warning).to_be_visible()
    sign_in(other, served.address, "bob@example.org")
    page.click("#upload [type=submit]")
    expect(warning).to_be_visible()  # the film is Ada's alone
    other.goto("about:blank")
    end_session(tabs)
    sign_in(other, served.address)
    page.click("#upload [type=submit]")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))
    page.wait_for_selector(READ)
    expect(page.locator("section.patient")).to_contain_text("Clara Wieck")


def test_a_page_that_answered_a_form_takes_a_fresh_token_from_where_it_can_be_loaded(
    served: Site, tabs: BrowserContext, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    page, other = tabs.new_page(), tabs.new_page()
    sign_in(page, served.address)
    page.goto(f"{served.address}/studies/new")
    page.set_input_files("#films", [file("one.jpg", film(1))])
    page.click("#upload [type=submit]")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))
    page.wait_for_selector(READ)
    study = page.url
    page.click("text=Add films")  # none is chosen
    expect(page).to_have_url(f"{study}/films")
    assert page.request.get(page.url).status == 405
    page.set_input_files("#films", [file("two.jpg", film(2))])
    end_session(tabs)
    page.click("text=Add films")
    expect(page.locator("#trouble")).to_contain_text("You are signed out")
    sign_in(other, served.address)
    page.click("text=Add films")
    page.wait_for_url(study)
    expect(page.locator("li.film")).to_have_count(2)
