"""The language is chosen before signing in, and files are chosen by buttons of our own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import FilePayload, Page, expect

from processes import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from live_server import Site

PASSWORD = "three green kites fly"


def fonts(page: Page) -> set[str]:
    """Return the families that the page has loaded: it has letters of theirs."""
    loaded = "[...document.fonts].filter(face => face.status === 'loaded').map(face => face.family)"
    return {name.strip('"') for name in page.evaluate(loaded)}


def drawn_in(page: Page, selector: str) -> list[str]:
    """Return the fonts that an element's letters are drawn in."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("DOM.enable")
    devtools.send("CSS.enable")
    root = devtools.send("DOM.getDocument")["root"]["nodeId"]
    node = devtools.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
    found = devtools.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    devtools.detach()
    return [font["familyName"] for font in found]


@pytest.mark.parametrize("size", [(1366, 768), (390, 844)])
def test_the_language_chosen_on_the_sign_in_page_stays_and_files_are_chosen_in_it(
    size: tuple[int, int], served: Site, page: Page, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{served.address}/sign-in")
    page.evaluate("document.fonts.ready.then(() => 0)")
    assert fonts(page) == {"Lungwise Hindi"}  # the letters of the button, 2 kB
    until(lambda: drawn_in(page, "[lang=hi]") == ["Noto Sans Devanagari"])
    page.click("text=हिन्दी")
    expect(page.locator("html[lang=hi]")).to_have_count(1)
    assert page.evaluate("document.fonts.load('16px \"Lungwise Devanagari\"', 'हि').then(faces => faces.length)") == 1
    expect(page.locator("main h1")).to_have_text("प्रवेश करें")
    until(lambda: drawn_in(page, "main h1") != ["DejaVu Sans"])  # which has boxes for these letters
    page.fill("[name=email]", "ada@example.org")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{served.address}/studies")
    page.goto(f"{served.address}/studies/new")
    button, input_of_browser = page.locator("label[for=films].button"), page.locator("#films")
    expect(button).to_have_text("फ़ाइलें चुनें")
    box = input_of_browser.bounding_box()
    assert box is not None and box["width"] <= 1  # the browser's own button, in the browser's language, is not seen
    with page.expect_file_chooser() as chosen:
        button.click()
    drawn: FilePayload = {"name": "film.jpg", "mimeType": "image/jpeg", "buffer": film(1)}
    chosen.value.set_files([drawn])
    expect(page.locator("#chosen-list li")).to_have_count(1)


def test_a_name_in_hindi_is_drawn_on_a_page_in_english(served: Site, page: Page, film: Callable[..., bytes]) -> None:
    served.enrol("Ada")
    page.goto(f"{served.address}/sign-in")
    page.fill("[name=email]", "ada@example.org")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.goto(f"{served.address}/studies/new")
    page.fill("[name=name]", "सुनीता")
    drawn: FilePayload = {"name": "film.jpg", "mimeType": "image/jpeg", "buffer": film(1, 8)}
    page.set_input_files("#films", [drawn])
    page.click("#upload [type=submit]")
    page.wait_for_selector("section.patient")
    expect(page.locator("html[lang=en]")).to_have_count(1)
    until(lambda: drawn_in(page, "section.patient a") == ["Noto Sans Devanagari"], seconds=30)
