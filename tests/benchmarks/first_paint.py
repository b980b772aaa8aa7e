"""When the pages first show something over a slow link: `python tests/benchmarks/first_paint.py [--rounds N]`.

Serves a demonstration of its own to Debian's Chromium over a network of 50 kB a second and 400 ms for each request,
with nothing kept from before, and prints the quickest first paint of each page, in milliseconds.
All figures are of this machine and moment: stop other work first.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import click
from playwright.sync_api import Browser, Page, StorageState, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from lungwise.cli import demo
from lungwise.settings import Settings
from processes import serving

SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
LIMIT_MS = 1500


@click.command()
@click.option("--rounds", default=5, show_default=True, help="How often each page is loaded.")
def main(rounds: int) -> None:
    """Fill, serve, measure and print."""
    with tempfile.TemporaryDirectory() as data:
        os.environ |= {"LUNGWISE_DATA_FOLDER": data, "LUNGWISE_ADMINISTRATOR_SECOND_FACTOR": "false"}
        demo.demo(["--studies", "8"], standalone_mode=False)
        with serving(Settings()) as address, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            pages, state = _pages(chromium.new_page(), address)
            for name, page in pages.items():
                painted = [_first_paint(chromium, page, state if name != "sign-in" else None) for _ in range(rounds)]
                click.echo(f"{name:12} {min(painted):5.0f} ms of {LIMIT_MS}")
            chromium.close()


def _pages(page: Page, address: str) -> tuple[dict[str, str], StorageState]:
    """Sign in, and find a page of each kind."""
    page.goto(f"{address}/sign-in")
    page.fill("[name=email]", demo.EMAIL)
    page.fill("[name=password]", demo.PASSWORD)
    page.click("main button")
    study = page.locator("table.list a").first.get_attribute("href")
    page.goto(f"{address}{study}")
    film = page.locator("a.shot").first.get_attribute("href")
    paths = {"sign-in": "/sign-in", "worklist": "/studies", "study": study, "viewer": film, "report": f"{study}/report"}
    paths |= {"new study": "/studies/new", "statistics": "/statistics"}
    return {name: f"{address}{path}" for name, path in paths.items()}, page.context.storage_state()


def _first_paint(chromium: Browser, address: str, state: StorageState | None) -> float:
    context = chromium.new_context(storage_state=state, viewport={"width": 1366, "height": 768})
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", SLOW)
    page.goto(address, timeout=120_000)
    page.wait_for_function("performance.getEntriesByType('paint').length", timeout=120_000)
    painted = page.evaluate("performance.getEntriesByType('paint')[0].startTime")
    context.close()
    return float(painted)


if __name__ == "__main__":
    main()
