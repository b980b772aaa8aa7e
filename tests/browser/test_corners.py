"""A film photographed by phone: its corners are moved by pointer and by key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import FilePayload, Page, expect

from photographs import SCENES, photograph

if TYPE_CHECKING:
    from pathlib import Path

    from live_server import Site

PASSWORD = "three green kites fly"


READ = ".verdict:not(.waiting)"
"""The verdict of a study whose films are read; until then its page asks, and loads itself again."""


def sign_in(page: Page, base: str) -> None:
    page.goto(f"{base}/sign-in")
    page.fill("[name=email]", "ada@example.org")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{base}/studies")


def take(page: Page, base: str, name: str) -> None:
    page.goto(f"{base}/studies/new")
    jpeg, _truth = photograph(SCENES[name])
    taken: FilePayload = {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": jpeg}
    page.set_input_files("#camera", [taken])
    page.click("[type=submit] >> nth=0")
    page.wait_for_url(re.compile(r"/films/[0-9a-f]{20}/corners$"))


def corner(page: Page, n: int) -> tuple[float, float]:
    return float(page.input_value(f"#x{n}")), float(page.input_value(f"#y{n}"))


@pytest.mark.parametrize("width", [1280, 390])
def test_the_corners_are_moved_by_pointer_and_by_key(width: int, served: Site, page: Page, tmp_path: Path) -> None:
    served.enrol("Ada")
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(page, served.address)
    take(page, served.address, "an edge outside")
    expect(page.locator(".mark")).to_have_count(4)
    page.screenshot(path=str(tmp_path / "corners.png"), full_page=True)

    box = page.locator(".mark .dot").first.bounding_box()
    assert box
    before = corner(page, 0)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 40, steps=4)
    page.mouse.up()
    moved = corner(page, 0)
    assert moved[0] > before[0]
    assert moved[1] > before[1]

    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowUp")
    assert corner(page, 0) == pytest.approx((moved[0] - 0.5, moved[1] - 2.5))

    page.click("text=Read the film as marked")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))
    page.wait_for_selector(READ)
    expect(page.locator("text=Move the corners of the film")).to_be_visible()
