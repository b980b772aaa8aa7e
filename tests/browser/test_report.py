"""A report's page, as it is printed and as it is loaded over a slow link."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import FilePayload, Page, expect
from pypdf import PdfReader

from lungwise.access import Role
from lungwise.cli.synthetic_film import as_jpeg, synthetic_film
from pdf_text import texts_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from live_server import Site


def sign_in(page: Page, site: Site) -> None:
    site.enrol("Ada", role=Role.RADIOLOGIST)
    page.goto(f"{site.address}/sign-in")
    page.fill("[name=email]", "ada@example.org")
    page.fill("[name=password]", "three green kites fly")
    page.click("main button")
    expect(page.locator("h1")).to_have_text("Worklist")


def upload(page: Page, site: Site, *films: bytes, **patient: str) -> str:
    """Upload films as one study, and give its address once they are read."""
    page.goto(f"{site.address}/studies/new")
    for name, value in patient.items():
        page.fill(f"[name={name}]", value)
    files: list[FilePayload] = [
        {"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": data} for n, data in enumerate(films)
    ]
    page.set_input_files("#films", files)
    page.click("#upload [type=submit]")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))
    page.wait_for_selector(".verdict:not(.waiting)")
    return page.url


def test_each_printed_page_says_whose_report_it_is_and_which_of_how_many(
    served: Site, page: Page, film: Callable[..., bytes], tmp_path: Path
) -> None:
    sign_in(page, served)
    study = upload(page, served, *(film(n, 8) for n in range(4)), name="سعاد حسن", identifier="45-2031")
    page.goto(f"{study}/report", wait_until="networkidle")
    pdf = page.pdf(path=tmp_path / "printed.pdf", format="A4")
    pages = len(PdfReader(tmp_path / "printed.pdf").pages)
    assert pages > 1
    for at in range(1, pages + 1):
        _ours, text = texts_of(pdf, tmp_path, page=at)
        assert "45-2031" in text
        assert study.rpartition("/")[2] in text
        assert f"{at}/{pages}" in text.replace(" ", "")


def test_a_report_of_many_films_is_light_and_lacks_no_picture_in_print(served: Site, page: Page) -> None:
    sign_in(page, served)
    study = upload(page, served, *(as_jpeg(synthetic_film(n, 8)) for n in range(4)))
    page.goto(f"{study}/report", wait_until="networkidle")
    pictures = page.locator(".shot img")
    expect(pictures).to_have_count(12)
    assert pictures.evaluate_all("images => images.every((image) => image.complete && image.naturalWidth > 250)")
    assert page.locator(".shot img:first-child").first.evaluate("i => Math.max(i.naturalWidth, i.naturalHeight)") == 640
    addresses = pictures.evaluate_all("images => [...new Set(images.map((image) => image.src))]")
    assert sum(len(page.request.get(address).body()) for address in addresses) < 4 * 60_000
