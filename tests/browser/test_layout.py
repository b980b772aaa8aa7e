"""What stays in sight on a screen of any size, how wide a page is, and what a finger can press, in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from conftest import PASSWORD
from lungwise.access import Role

if TYPE_CHECKING:
    from live_server import Site

LAPTOP, SMALL_LAPTOP = ViewportSize(width=1280, height=800), ViewportSize(width=1024, height=600)
PHONE = ViewportSize(width=360, height=740)
LAPTOPS = pytest.mark.parametrize("size", [LAPTOP, SMALL_LAPTOP], ids=["laptop", "small-laptop"])
NAME = "Maria da Conceição Aparecida dos Santos Oliveira de Albuquerque e Vasconcelos Figueiredo " * 2
PRESSED = (
    *("studies", "studies/new", "patients", "patients/unclear", "orders", "statistics", "results", "accounts"),
    *("accounts/tokens", "clinic", "queue", "profile", "help/doctor", "nothing"),
)
UNDER_BANNER = """() => {
  const e = document.activeElement, banner = document.querySelector("section.patient");
  if (e === document.body || banner.contains(e)) return null;
  const { top, bottom } = e.getBoundingClientRect(), end = banner.getBoundingClientRect().bottom;
  return banner.getBoundingClientRect().top === 0 && bottom <= end && bottom > top ? e.outerHTML.slice(0, 80) : null;
}"""
SMALL = """() => [...document.querySelectorAll("a, button, input, select, textarea, summary")].filter((e) => {
  if (!e.checkVisibility() || e.closest(".skip, [aria-hidden]")) return false;
  const label = ["checkbox", "radio"].includes(e.type) && e.closest("label");
  const { width, height } = (label || e).getBoundingClientRect(), said = (node) => (node.innerText || "").trim().length;
  const isInText = e.tagName === "A" && getComputedStyle(e).display === "inline" && said(e.parentElement) > said(e) + 2;
  const isRow = e.classList.contains("whole-row"); // the whole row is pressed
  return width > 2 && !isInText && !isRow && (height < 43.5 || width < 24);
}).map((e) => `${e.outerHTML.slice(0, 120)} ${e.getBoundingClientRect().height}`)"""


@pytest.fixture
def opened(served: Site, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Give what signs an administrator in on a screen of some size."""
    contexts = []
    served.enrol("Ada", role=Role.ADMINISTRATOR)

    def sign_in(size: ViewportSize, **more: Any) -> Page:
        contexts.append(chromium.new_context(viewport=size, locale="en-GB", **more))
        page = contexts[-1].new_page()
        page.set_default_timeout(120_000)
        page.goto(f"{served.address}/sign-in")
        page.fill("[name=email]", "ada@example.org")
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        page.wait_for_url("**/studies")
        return page

    yield sign_in
    for context in contexts:
        context.close()


def upload(page: Page, site: Site, *films: bytes, **fields: str) -> None:
    """Upload films as one study, and wait until they are read."""
    page.goto(f"{site.address}/studies/new")
    chosen = [{"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": data} for n, data in enumerate(films)]
    page.set_input_files("#films", chosen)  # type: ignore[arg-type]
    for name, value in fields.items():
        page.fill(f"[name={name}]", value)
    page.click("#upload [type=submit]")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))
    page.wait_for_selector(".verdict:not(.waiting)")


def edges(page: Page, selector: str) -> tuple[float, float]:
    """Where something begins and ends on the screen, from its top."""
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["y"], box["y"] + box["height"]


def choose_last_film(page: Page) -> None:
    page.locator("#films-read a").last.click()
    page.wait_for_url("**#film")
    page.wait_for_function("document.querySelector('.look img.plain').complete")
    page.wait_for_function("document.readyState === 'complete'")


@LAPTOPS
def test_choosing_a_film_keeps_the_answer_in_sight_and_the_film_with_its_legend_whole(
    size: ViewportSize, served: Site, opened: Callable[..., Page], film: Callable[..., bytes]
) -> None:
    page = opened(size)
    upload(page, served, film(1, 8), film(2, 8), film(3, 8), name="Clara", identifier="45-2031")
    choose_last_film(page)
    banner = edges(page, "section.patient")
    assert edges(page, "#verdict")[0] >= banner[1]
    page.evaluate("scrollTo(0, 500)")
    page.wait_for_function("scrollY === 500 || scrollY + innerHeight >= document.documentElement.scrollHeight - 1")
    look, legend = edges(page, ".look"), edges(page, ".look .heat-legend")
    assert look[0] >= edges(page, "section.patient")[1]
    assert legend[1] <= size["height"]


@pytest.mark.parametrize("size", [LAPTOP, SMALL_LAPTOP, PHONE], ids=["laptop", "small-laptop", "phone"])
def test_the_patients_banner_covers_nothing_that_is_jumped_to_or_focused(
    size: ViewportSize, served: Site, opened: Callable[..., Page], film: Callable[..., bytes]
) -> None:
    page = opened(size)
    upload(page, served, film(1, 8), film(2, 8), name=NAME, identifier="45-2031", birth_date="1980-02-03")
    choose_last_film(page)
    start, end = edges(page, "section.patient")
    assert end - start <= 100
    assert edges(page, ".look figcaption")[0] >= end
    page.locator("footer a").last.focus()
    covered = []
    for _press in range(45):
        page.keyboard.press("Shift+Tab")
        covered.append(page.evaluate(UNDER_BANNER))
    assert not list(filter(None, covered))


@pytest.mark.parametrize("size", [SMALL_LAPTOP, PHONE], ids=["small-laptop", "phone"])
def test_a_long_word_widens_no_page(
    size: ViewportSize, served: Site, opened: Callable[..., Page], film: Callable[..., bytes]
) -> None:
    served.enrol("W" * 100, role=Role.DOCTOR)
    page = opened(size)
    upload(page, served, film(1, 8), name="Wolfeschlegelsteinhausenbergerdorff" * 5 + "W" * 25, identifier="1" * 64)
    study, patient = page.url, str(page.locator("section.patient a").get_attribute("href"))
    page.fill("[name=note]", "x" * 400)
    page.click("text=Save opinion")
    page.wait_for_selector(".said .note")
    viewer = str(page.locator(".look .button").get_attribute("href"))
    widths = {}
    for address in (study, f"{study}/report", patient, viewer, "/studies", "/patients", "/accounts", "/audit"):
        page.goto(address if address.startswith("http") else served.address + address)
        widths[address] = page.evaluate("document.documentElement.scrollWidth")
    assert max(widths.values()) <= size["width"], widths
    page.goto(f"{served.address}/studies")
    assert (
        page.evaluate(
            "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.scroll'))"
        )
        == 0
    )
    page.emulate_media(media="print")
    page.goto(study)
    assert page.evaluate("(e => e.scrollHeight - e.clientHeight)(document.querySelector('section.patient a'))") <= 1
    page.goto(f"{study}/report")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_what_a_finger_presses_on_a_phone_is_44_pixels_high(
    served: Site, opened: Callable[..., Page], film: Callable[..., bytes]
) -> None:
    page = opened(PHONE, has_touch=True, is_mobile=True)
    upload(page, served, film(1, 8), film(2, 8), name="Clara Wieck", identifier="45-2031")
    study, patient = page.url, str(page.locator("section.patient a").get_attribute("href"))
    small = {}
    for address in (study, served.address + patient, *(f"{served.address}/{page}" for page in PRESSED)):
        page.goto(address)
        small[address] = page.evaluate(SMALL)
    assert not any(small.values()), {address: found for address, found in small.items() if found}


def test_without_script_each_way_to_choose_files_is_one_button(served: Site, opened: Callable[..., Page]) -> None:
    page = opened(PHONE, java_script_enabled=False)
    page.goto(f"{served.address}/studies/new")
    for label in page.locator(".files label").all():
        assert label.evaluate("e => getComputedStyle(e).borderTopWidth") == "0px"
        assert label.evaluate("e => e.control.getBoundingClientRect().top >= e.getBoundingClientRect().bottom - 1")
