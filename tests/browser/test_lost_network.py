"""Pages whose network drops out, or stalls without saying so: what is there stays, and it is tried again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import Browser, FilePayload, Page, expect

from photographs import SCENES, photograph

if TYPE_CHECKING:
    from collections.abc import Callable

    from live_server import Site

SHORTLY = 20_000
"""Milliseconds for what must not need an answer."""


def sign_in(page: Page, site: Site) -> None:
    site.enrol("Ada")
    page.goto(f"{site.address}/sign-in")
    page.fill("[name=email]", "ada@example.org")
    page.fill("[name=password]", "three green kites fly")
    page.click("main button")
    expect(page.locator("h1")).to_have_text("Worklist")


def file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def send(page: Page, site: Site, *films: FilePayload, **patient: str) -> None:
    page.goto(f"{site.address}/studies/new")
    for name, value in patient.items():
        page.fill(f"[name={name}]", value)
    page.set_input_files("#films", list(films))
    page.click("#upload [type=submit]")


def test_what_is_typed_and_the_focus_stay_while_the_network_is_lost_as_the_readings_arrive(
    served: Site, chromium: Browser
) -> None:
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    sign_in(page, served)
    page.goto(f"{served.address}/studies/new")
    page.set_input_files("#camera", [file("photograph.jpg", photograph(SCENES["an edge outside"])[0])])
    page.click("#upload [type=submit]")
    page.wait_for_url(re.compile("/corners$"))  # a photograph waits for its corners before it is read
    corners = page.url
    page.goto(f"{served.address}/studies")
    page.click("table.list a")
    page.wait_for_selector(".verdict.waiting")
    study = page.url
    page.fill("[name=note]", "typed for two minutes")
    page.focus(".look a.button")
    page.route(study, lambda route: route.abort("internetdisconnected"))
    other = context.new_page()
    other.goto(corners)
    with page.expect_event("requestfailed", lambda request: request.url == study):
        other.click("text=Read the film as marked")
    page.wait_for_timeout(500)
    assert page.url == study
    expect(page.locator("[name=note]")).to_have_value("typed for two minutes", timeout=SHORTLY)
    page.unroute(study)
    page.wait_for_selector(".verdict:not(.waiting)")
    expect(page.locator("[name=note]")).to_have_value("typed for two minutes")
    expect(page.locator(".look a.button")).to_be_focused(timeout=SHORTLY)
    context.close()


def test_a_search_without_network_keeps_the_list_and_is_made_when_the_network_is_back(
    served: Site, page: Page, film: Callable[..., bytes]
) -> None:
    sign_in(page, served)
    for number, name in enumerate(("Béla Bartók", "Clara Wieck")):
        send(page, served, file("film.jpg", film(number, 8)), name=name)
        page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))
    page.goto(f"{served.address}/studies")
    page.context.set_offline(True)
    page.locator("[name=text]").press_sequentially("clara")
    expect(page.locator("#lost")).to_be_visible(timeout=SHORTLY)
    expect(page.locator("table.list tbody tr")).to_have_count(2)
    page.context.set_offline(False)
    expect(page.locator("table.list tbody tr")).to_have_count(1)
    expect(page.locator("table.list tbody")).to_contain_text("Clara Wieck")
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.locator("[name=text]")).to_have_value("clara")


def test_an_upload_that_stalls_ends_and_can_be_sent_again(served: Site, page: Page, film: Callable[..., bytes]) -> None:
    sign_in(page, served)
    page.clock.install()
    page.route("**/studies/new", lambda route: None if route.request.method == "POST" else route.continue_())
    with page.expect_request(lambda request: request.method == "POST"):
        send(page, served, file("film.jpg", film(1, 8)), name="Béla Bartók")
    page.clock.fast_forward("01:01")
    expect(page.locator("#trouble")).to_contain_text("The connection was lost", timeout=SHORTLY)
    page.unroute("**/studies/new")
    page.click("#upload [type=submit]")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))


def test_a_film_that_is_also_another_patients_is_not_taken_for_one_that_was_refused(
    served: Site, chromium: Browser, film: Callable[..., bytes]
) -> None:
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    sign_in(page, served)
    same, broken = file("same.jpg", film(1, 8)), file("broken.jpg", b"no film")
    send(page, served, same, name="Béla Bartók", identifier="B-1")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))
    send(page, served, same, name="Clara Wieck", identifier="C-1")
    expect(page.locator("#trouble")).to_contain_text("also in a study of Béla Bartók (B-1)")
    expect(page.locator("#trouble")).not_to_contain_text("The other films are saved.")
    send(page, served, same, broken, name="Fanny Hensel", identifier="F-1")
    expect(page.locator("#trouble")).to_contain_text("The other films are saved.")
    expect(page.locator("#trouble")).to_contain_text("also in a study of")
    context.close()
