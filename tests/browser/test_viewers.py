"""OHIF, set up as the guide says, shows a study with its report; dcmjs and dwv read its objects.

`make viewers` fetches all three from npm and runs this.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from playwright.sync_api import Browser, Page

from dicom_files import dicom_file
from film_results import FACTS as STUDY
from film_results import READ, READING
from live_server import LiveServer, live_server
from lungwise.cli.synthetic_film import synthetic_film
from lungwise.results.result_objects import file_bytes, result_objects
from processes import until
from servers import free_port
from synthetic_films import chest_words

OHIF = os.environ.get("LUNGWISE_TEST_OHIF", "")
"""The folder of OHIF's pages."""
MODULES = os.environ.get("LUNGWISE_TEST_MODULES", "")
"""The folder with dcmjs and dwv."""
GUIDE = (Path(__file__).parents[2] / "docs/guide/viewers.md").read_text(encoding="utf-8")
FACTS: dict[str, Any] = {
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.1",
    "SOPInstanceUID": "1.2.3.1.1",
    "SeriesNumber": "1",
    "InstanceNumber": "1",
    "SeriesDescription": "Chest PA",
    "PatientID": "77",
    "PatientName": "Doe^Jane",
    "StudyDate": "20260102",
    "StudyTime": "101112",
    "BitsStored": 12,
    "WindowCenter": "2048",
    "WindowWidth": "4096",
}
PATIENCE = 300_000

pytestmark = pytest.mark.skipif(not (OHIF and MODULES), reason="the viewers are not there: run make viewers")


class Pages(SimpleHTTPRequestHandler):
    """OHIF's pages with the guide's configuration; every address of its own is the one page."""

    config = ""

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/app-config.js":
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.end_headers()
            self.wfile.write(self.config.encode())
            return
        if not (Path(OHIF) / path.lstrip("/")).is_file():
            self.path = "/index.html"
        super().do_GET()

    def log_message(self, *_words: object) -> None:
        pass


@contextmanager
def viewer(server: str, port: int) -> Iterator[None]:
    """Serve OHIF."""
    block = re.search(r"```js\n(.*?)```", GUIDE, re.DOTALL)
    assert block
    config = {"config": block[1].replace("https://lungwise.example.org", server)}
    handler = functools.partial(type("ConfiguredPages", (Pages,), config), directory=OHIF)
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        yield
        pages.shutdown()


def store_and_read(server: LiveServer) -> None:
    words = np.asarray(synthetic_film(0, 8)).astype(np.uint16) << 4
    body = b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + dicom_file(words, **FACTS) + b"\r\n--edge--\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=edge'
    own = {"Authorization": f"Bearer {server.token}"}
    root = f"{server.address}/dicom-web/studies"
    assert requests.post(root, body, headers=own | {"Content-Type": kind}, timeout=60).status_code == 200
    until(lambda: len(requests.get(f"{root}/1.2.3/series", headers=own, timeout=60).json()) == 5)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Open a page, whatever OHIF writes into the console."""
    context = chromium.new_context(viewport={"width": 1366, "height": 768}, service_workers="block")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


def test_ohif_shows_a_study_with_its_report(page: Page, tmp_path: Path) -> None:
    port = free_port()
    with live_server(tmp_path, dicomweb_origins=f"http://127.0.0.1:{port}") as server, viewer(server.address, port):
        store_and_read(server)
        page.goto(f"http://127.0.0.1:{port}/viewer?StudyInstanceUIDs=1.2.3&token={server.token}")
        page.get_by_text("Skip all").first.click()  # its tour
        page.get_by_text("Lungwise structured report").first.dblclick()
        for said in ("Diagnostic imaging report", "Looks like COVID-19 pneumonia", "heat map region 1"):
            page.get_by_text(said).first.wait_for()


def test_dcmjs_and_dwv_read_every_result(tmp_path: Path) -> None:
    words = chest_words(bits=12)
    down, across = np.mgrid[:17, :17]
    heat = np.exp(-((across - 4) ** 2 + (down - 5) ** 2) / 6).astype(np.float32)
    hot = replace(READ, outcome=replace(READING, heat_map=heat))
    objects = result_objects(dicom_file(words, BitsStored=12), STUDY, hot, b"%PDF-1.4")
    for number, item in enumerate(objects):
        (tmp_path / f"{number}.dcm").write_bytes(file_bytes(item))
    script = Path(__file__).with_name("read_results.mjs")
    command = ["node", str(script), MODULES, *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    report, capture, state, document = map(json.loads, done.stdout.splitlines())
    assert [one["modality"] for one in (report, capture, state, document)] == ["SR", "OT", "PR", "DOC"]
    assert len(report["outlines"]) == 1
    assert np.allclose(report["outlines"], state["outlines"])
    assert capture["pixels"] == objects[1].Rows * objects[1].Columns * 3
    for said in ("'Probability') = 0.93", "Looks like COVID-19 pneumonia", "heat map region 1"):
        assert said in report["tree"]
