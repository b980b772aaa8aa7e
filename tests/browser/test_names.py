"""Names that run from right to left, beside numbers that do not, in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import FilePayload, Page, expect

from conftest import PASSWORD
from lungwise.access import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from live_server import Site

NAME, NUMBER, BORN = "سعاد حسن", "45-2031", "1980-02-03"
SEEN = """root => {
  const letters = [], walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) [...walker.currentNode.data].forEach((letter, at) => {
    const range = document.createRange();
    range.setStart(walker.currentNode, at);
    range.setEnd(walker.currentNode, at + 1);
    const { left, top, width } = range.getBoundingClientRect();
    if (width) letters.push({ letter, left, row: Math.round(top / 12) });
  });
  letters.sort((one, other) => one.row - other.row || one.left - other.left);
  return letters.map(({ letter }) => letter).join("");
}"""


def seen(page: Page, selector: str) -> str:
    """The letters of a part of the page from left to right, as they stand on the screen."""
    return str(page.locator(selector).first.evaluate(SEEN))


def choose(page: Page, base: str, data: bytes, **fields: str) -> None:
    film: FilePayload = {"name": "1.jpg", "mimeType": "image/jpeg", "buffer": data}
    page.goto(f"{base}/studies/new")
    page.set_input_files("#films", [film])
    for name, value in fields.items():
        page.fill(f"[name={name}]", value)
    page.click("#upload [type=submit]")


def test_the_parts_of_a_number_beside_an_arabic_name_keep_their_order(
    served: Site, page: Page, film: Callable[..., bytes]
) -> None:
    base = served.address
    served.enrol("Ada", role=Role.ADMINISTRATOR)
    page.goto(f"{base}/sign-in")
    page.fill("[name=email]", "ada@example.org")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/studies")
    choose(page, base, film(1), identifier=NUMBER, name=NAME, birth_date=BORN)
    page.wait_for_url("**/studies/*")
    assert NUMBER in seen(page, "section.patient")

    page.goto(f"{base}/studies/new")
    page.locator("[name=name]").press_sequentially("سعاد")
    expect(page.locator("#suggested button")).to_contain_text(NUMBER)
    assert seen(page, "#suggested button").endswith(f" · {NUMBER} · {BORN}")

    choose(page, base, film(1), name="Clara")
    expect(page.locator("#trouble")).to_contain_text("also in a study of")
    assert f"({NUMBER})" in seen(page, "#trouble")

    choose(page, base, film(2), identifier=NUMBER, name="مريم", birth_date="1991-05-17")
    page.wait_for_url("**/whose")
    page.goto(f"{base}/patients/unclear")
    assert "17 May 1991" in seen(page, "td[data-label='In the film']")
    assert "3 Feb 1980" in seen(page, "td[data-label='Known as']")
