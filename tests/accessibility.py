"""What axe finds wrong with a page, in light and in dark colours, and whether it is wider than the screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that ask for colours: only they can answer otherwise in the dark."""


def faults_of(page: Page) -> list[str]:
    """What is wrong with a page as it is now; it is left in the dark."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE_SCRIPT)
    found = [*_violations(page, "light"), *_violations(page, "dark", *COLOURS)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
        found.append("wider than the screen")
    return found


def _violations(page: Page, scheme: Any, *rules: str) -> Iterator[str]:
    page.emulate_media(color_scheme=scheme)
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    for item in page.evaluate(f"axe.run({json.dumps(options)})")["violations"]:
        yield f"{scheme}: {item['id']} ({item['impact']}): {item['nodes'][0]['html'][:160]}"
