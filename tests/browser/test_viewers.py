"""OHIF, set up as the guide says, and dwv show a film with its segmentation; OHIF, dcmjs and dwv read the report.

`make viewers` fetches all three from npm and runs this.
"""

from __future__ import annotations

import functools
import io
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page
from pydicom import dcmread
from pydicom.dataset import Dataset

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
UIDS = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1", "SOPInstanceUID": "1.2.3.1.1"}
_DOWN, _ACROSS = np.mgrid[:17, :17]
HEAT = np.exp(-((_ACROSS - 4) ** 2 + (_DOWN - 5) ** 2) / 6).astype(np.float32)
HOT = replace(READ, outcome=replace(READING, heat_map=HEAT))
DWV = """<!doctype html>
<style>#film {position: relative; width: 400px; height: 500px} .layer {position: absolute}</style>
<div id="film"></div>
<script type="module" src="page.js"></script>
"""

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
    with serving_files(port, functools.partial(type("ConfiguredPages", (Pages,), config), directory=OHIF)):
        yield


@contextmanager
def serving_files(port: int, handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve pages; give their address."""
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{port}/"
        pages.shutdown()


def store_and_read(server: LiveServer) -> Dataset:
    """Store a film and wait for its results; give the segmentation."""
    words = np.asarray(synthetic_film(0, 8)).astype(np.uint16) << 4
    body = b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + dicom_file(words, **FACTS) + b"\r\n--edge--\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=edge'
    own = {"Authorization": f"Bearer {server.token}"}
    root = f"{server.address}/dicom-web/studies"
    assert requests.post(root, body, headers=own | {"Content-Type": kind}, timeout=60).status_code == 200
    until(lambda: len(requests.get(f"{root}/1.2.3/series", headers=own, timeout=60).json()) == 6)
    (one,) = requests.get(f"{root}/1.2.3/instances?Modality=SEG", headers=own, timeout=60).json()
    file = requests.get(one["00081190"]["Value"][0], headers=own | {"Accept": "application/dicom"}, timeout=60)
    return dcmread(io.BytesIO(file.content))


def red(picture: bytes) -> NDArray[np.bool_]:
    """Where a screenshot is red: what viewers lay over a film, which is grey."""
    shown = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)
    is_red: NDArray[np.bool_] = shown[..., 0] - shown[..., 1:].max(axis=2) > 30
    return is_red


def laid_out(mask: NDArray[np.uint8], canvas: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask in the middle of a canvas, as large as it holds."""
    (rows, columns), whole = mask.shape, Image.fromarray(np.zeros_like(canvas, np.uint8))
    size = min(whole.height / rows, whole.width / columns)
    fitted = Image.fromarray(mask * 255).resize((round(columns * size), round(rows * size)))
    whole.paste(fitted, ((whole.width - fitted.width) // 2, (whole.height - fitted.height) // 2))
    return np.asarray(whole) > 127


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Open a page, whatever OHIF writes into the console."""
    context = chromium.new_context(viewport={"width": 1366, "height": 768}, service_workers="block")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


def test_ohif_shows_a_study_with_its_report_and_the_segmentation_on_the_film(page: Page, tmp_path: Path) -> None:
    port = free_port()
    with live_server(tmp_path, dicomweb_origins=f"http://127.0.0.1:{port}") as server, viewer(server.address, port):
        mask = store_and_read(server).pixel_array
        page.goto(f"http://127.0.0.1:{port}/viewer?StudyInstanceUIDs=1.2.3&token={server.token}")
        page.get_by_text("Skip all").first.click()  # its tour
        page.get_by_text("Lungwise structured report").first.dblclick()
        for said in ("Diagnostic imaging report", "Looks like COVID-19 pneumonia", "heat map region 1"):
            page.get_by_text(said).first.wait_for()
        page.get_by_text("Chest PA").first.dblclick()
        film = page.locator(".cornerstone-canvas").first
        film.wait_for()
        until(lambda: not red(film.screenshot()).any())  # it may have shown the heat map first
        page.get_by_text("Lungwise segmentation").first.dblclick()
        page.get_by_role("button", name="Yes").click()
        until(lambda: overlap(shown := red(film.screenshot()), laid_out(mask, shown)) > 0.95)


def test_dwv_shows_a_segmentation_on_its_film(page: Page, tmp_path: Path) -> None:
    page_of_dwv = Path(__file__).with_name("dwv_page.mjs")
    bundle = [f"{MODULES}/.bin/esbuild", str(page_of_dwv), "--bundle", "--format=esm", f"--outfile={tmp_path}/page.js"]
    subprocess.run(bundle, env=os.environ | {"NODE_PATH": MODULES}, check=True, capture_output=True)
    shutil.copytree(f"{MODULES}/dwv/dist/assets", tmp_path / "assets")
    film = dicom_file(chest_words(500, 400, bits=12), BitsStored=12, ImagerPixelSpacing=[0.2, 0.2], **UIDS)
    mask = next(item for item in result_objects(film, STUDY, HOT, None) if item.Modality == "SEG")
    for name, data in ("film.dcm", film), ("mask.dcm", file_bytes(mask)), ("index.html", DWV.encode()):
        (tmp_path / name).write_bytes(data)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with serving_files(free_port(), handler) as address:
        page.goto(address)
        for files, is_red in (["film.dcm"], False), (["film.dcm", "mask.dcm"], True):
            assert page.evaluate("files => show(files)", files) == []
            shown = red(page.locator("#film").screenshot())
            assert shown.any() == is_red
        assert overlap(shown, laid_out(mask.pixel_array, shown)) > 0.95


def test_dcmjs_and_dwv_read_every_result(tmp_path: Path) -> None:
    words = chest_words(bits=12)
    objects = result_objects(dicom_file(words, BitsStored=12), STUDY, HOT, b"%PDF-1.4")
    for number, item in enumerate(objects):
        (tmp_path / f"{number}.dcm").write_bytes(file_bytes(item))
    script = Path(__file__).with_name("read_results.mjs")
    command = ["node", str(script), MODULES, *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    report, capture, state, mask, document = map(json.loads, done.stdout.splitlines())
    assert [one["modality"] for one in (report, capture, state, mask, document)] == ["SR", "OT", "PR", "SEG", "DOC"]
    assert len(report["outlines"]) == 1
    assert np.allclose(report["outlines"], state["outlines"])
    assert capture["pixels"] == objects[1].Rows * objects[1].Columns * 3
    for said in ("'Probability') = 0.93", "Looks like COVID-19 pneumonia", "heat map region 1"):
        assert said in report["tree"]
