"""A report's page, as it is printed and as it is loaded over a slow link."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect
from pypdf import PdfReader

from lungwise.access import Role
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
    page.set_input_files(
        "#films", [{"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": data} for n, data in enumerate(films)]
    )
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
