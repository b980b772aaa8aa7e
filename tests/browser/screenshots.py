"""Photograph every page at 1280 and 390 pixels: `python tests/browser/screenshots.py FOLDER`.

The installation photographed is a demonstration one, made for it and thrown away.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from conftest import DrawnReader
from lungwise.cli import demo, installation
from lungwise.settings import Settings
from processes import serving

WIDTHS = (1280, 390)


def main(folder: Path) -> None:
    """Fill, serve and photograph."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        os.environ["LUNGWISE_DATA_FOLDER"] = data
        installation.make_reader = DrawnReader
        demo.demo([], standalone_mode=False)
        with serving(Settings()) as address:
            _photograph(address, folder)


def _photograph(base: str, folder: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                page = browser.new_context(
                    viewport={"width": width, "height": 900}, color_scheme="light" if scheme == "light" else "dark"
                ).new_page()
                _walk(page, base, folder, f"{width}-{scheme}")
        browser.close()


def _walk(page: Page, base: str, folder: Path, name: str) -> None:
    def take(path: str, what: str) -> None:
        page.goto(base + path, wait_until="networkidle")
        page.screenshot(path=folder / f"{what}-{name}.png", full_page=True)

    take("/register", "register")
    take("/sign-in", "sign-in")
    page.fill("[name=email]", demo.EMAIL)
    page.fill("[name=password]", demo.PASSWORD)
    page.click("main button")
    for path in ("studies", "studies/new", "patients", "statistics", "accounts", "audit", "profile", "second-factor"):
        take(f"/{path}", path.replace("/", "-"))
    page.goto(base + "/studies")
    study = str(page.locator("table.list a").first.get_attribute("href"))
    take(study, "study")
    film = str(page.locator("a.shot").first.get_attribute("href"))
    take(f"{study}/report", "report")
    take(film, "viewer")
    other = page.locator("ul.plain a").first.get_attribute("href")
    if other:
        take(other, "compare")
    page.goto(base + study)
    patient = re.search(r"/patients/[0-9a-f]+", page.content())
    take(patient[0] if patient else "/nothing", "patient")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
