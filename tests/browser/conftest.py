"""A real Chromium, and the application served to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

PATIENCE = 120_000
"""Milliseconds that a busy machine may take for what takes a moment on an idle one."""
expect.set_options(timeout=PATIENCE)
WITHOUT = (
    "InitialWebUI,PreloadTopChromeWebUI,WebUIReloadButton,WebUIToolbar,"  # its own buttons, a process for each window
    "AvoidUnnecessaryBeforeUnloadCheckSync,HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,MediaRouter,"
    "NetworkTimeServiceQuerying,OptimizationHints,PaintHolding,PreconnectToSearch,ThirdPartyStoragePartitioning"
)
"""What Chromium does without: the last of its words counts, so that what Playwright switches off is named again."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium; the one without a window of its own, where it is there, takes a quarter less."""
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        pytest.skip("Debian's chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", f"--disable-features={WITHOUT}"]
        )
        yield browser
        browser.close()


def is_fault(line: ConsoleMessage) -> bool:
    """Return whether the browser complains of a page, not of a network that a test took away, nor of a form's 409."""
    expected = ("ERR_INTERNET_DISCONNECTED", "status of 409")
    return line.type == "error" and not any(words in line.text for words in expected)


@pytest.fixture
def page(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """Open a page that fails the test if its scripts fail or the policy blocks something."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if is_fault(line) else None)
    yield page
    context.close()
    assert not errors
