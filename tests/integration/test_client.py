"""`lungwise read --server` against a live server."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from dicom_files import dicom_file
from live_server import LiveServer, live_server
from lungwise.cli import main
from lungwise.client import Client
from lungwise.films import open_film
from lungwise.films.refusals import CHILD, warning_sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic_reader import SyntheticReader


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("live") / "data") as server:
        yield server


@pytest.fixture
def client(server: LiveServer) -> Client:
    return Client(server.address, server.token)


def read(server: LiveServer, *words: str) -> Result:
    return CliRunner().invoke(main, ["read", "--server", server.address, "--token", server.token, *words])


def test_read_by_a_server_prints_what_a_local_reading_prints(
    server: LiveServer,
    tmp_path: Path,
    film: Callable[..., bytes],
    blank: bytes,
    synthetic_reader: type[SyntheticReader],
) -> None:
    (tmp_path / "a.jpg").write_bytes(film(1, 8))
    (tmp_path / "b.jpg").write_bytes(blank)
    (tmp_path / "c.txt").write_bytes(b"no film")
    result = read(
        server,
        "--json",
        "--heatmaps",
        str(tmp_path / "heat"),
        str(tmp_path / "a.jpg"),
        *map(str, tmp_path.glob("[bc].*")),
    )
    assert result.exit_code == 3, result.output
    lines = {Path(line["path"]).name: line for line in map(json.loads, result.stdout.splitlines())}
    local = synthetic_reader().read(open_film(film(1, 8)))
    assert lines["a.jpg"]["covid"] == {"probability": round(local.probability, 4), "verdict": local.verdict}
    assert lines["a.jpg"]["findings"] == {name: round(value, 4) for name, value in local.findings.items()}
    assert lines["a.jpg"]["hot_spot"] == [round(value, 4) for value in local.hot_spot]
    assert lines["b.jpg"]["refusal"]["code"] == "not a film"
    assert lines["c.txt"]["status"] == "refused"
    assert (tmp_path / "heat" / "a.jpg.png").is_file()


def test_read_by_a_server_warns_as_a_local_reading_does(
    server: LiveServer, client: Client, tmp_path: Path, film: Callable[..., bytes]
) -> None:
    with Image.open(io.BytesIO(film(1, 8))) as image:
        words = np.asarray(image.convert("L"), np.uint16) << 8
    child = dicom_file(words, PatientAge="011Y")
    (tmp_path / "child.dcm").write_bytes(child)
    reading = client.read([child]).films[0].reading
    assert reading is not None
    assert [(warning.code, warning.sentence) for warning in reading.warnings] == [(CHILD, warning_sentence(CHILD))]
    assert warning_sentence(CHILD) in read(server, "--json", str(tmp_path / "child.dcm")).stderr


def test_read_by_a_server_says_in_one_line_what_is_wrong(server: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    film = str(tmp_path / "a.jpg")
    wrong = CliRunner().invoke(main, ["read", "--server", server.address, "--token", "lw_wrong", film])
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (1, 1)
    assert "token" in wrong.stderr
    none = CliRunner().invoke(main, ["read", "--server", server.address, film], env={"LUNGWISE_TOKEN": ""})
    assert none.exit_code == 2
    assert "LUNGWISE_TOKEN" in none.stderr
