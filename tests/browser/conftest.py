"""A real Chromium, and the application served to it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from waitress.server import create_server

from lungwise.web.app import Lungwise


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Debian's chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Lungwise], str]]:
    """Give what serves an application and says where."""
    stops: list[Callable[[], None]] = []

    def serve(app: Lungwise) -> str:
        server = create_server(app, host="127.0.0.1", port=0, threads=8)
        thread = threading.Thread(target=server.run)
        thread.start()

        def stop() -> None:
            # The loop's own thread closes the sockets: closed under a loop that waits on them, they would fail it.
            server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map, ignore_all=True))
            thread.join(30)
            server.task_dispatcher.shutdown()

        stops.append(stop)
        return f"http://127.0.0.1:{server.effective_port}"

    yield serve
    for stop in stops:
        stop()


@pytest.fixture
def page(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """Open a page that fails the test if its scripts fail or the policy blocks something."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True, locale="en-GB")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    yield page
    context.close()
    assert not errors
