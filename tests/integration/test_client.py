"""`lungwise read --server` against a live server."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from dated_films import dated_film
from dicom_files import dicom_file
from live_server import LiveServer, live_server
from lungwise.api.schemas import PatientFields
from lungwise.cli import main
from lungwise.client import Client
from lungwise.films import open_film
from lungwise.films.refusals import CHILD, warning_sentence
from lungwise.languages import words_of

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


def test_a_server_heads_a_film_as_its_pages_do(
    server: LiveServer, client: Client, tmp_path: Path, film: Callable[..., bytes]
) -> None:
    client.upload([dated_film("20260301", PatientID="P-9", PatientName="Roe^Jane", PatientBirthDate="19500101")])
    other = dated_film("20260302", PatientID="P-9", PatientName="Poe^Ann", PatientBirthDate="19800202", PatientSex="F")
    (tmp_path / "1.dcm").write_bytes(other)
    born = (datetime.now(UTC) - timedelta(days=3000)).date().isoformat()
    client.upload([film(21)], PatientFields.model_validate({"identifier": "P-10", "birth_date": born}))
    (tmp_path / "2.jpg").write_bytes(film(21))
    (tmp_path / "3.dcm").write_bytes(dated_film("20260303", PatientID="P-11"))
    names, table = [str(path) for path in sorted(tmp_path.iterdir())], tmp_path / "table.csv"

    printed = read(server, "--csv", str(table), *names).stdout
    as_lines = read(server, "--json", "--language", "es", *names).stdout

    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["level"] for row in rows] == ["grey", "grey", "green"]
    assert rows[0]["headline"].startswith("Identity unclear: make sure whose film this is. Looks normal.")
    assert rows[1]["headline"].startswith("Not made for children.")
    assert rows[2]["headline"].startswith("Looks normal.")
    assert "Looks normal: 1." in printed
    headlines = [json.loads(line)["headline"] for line in as_lines.splitlines()]
    assert [headline["level"] for headline in headlines] == [row["level"] for row in rows]
    assert words_of("es")("Not made for children.") in headlines[1]["text"]


def test_a_server_says_the_number_at_its_clinics_prevalence(
    server: LiveServer, tmp_path: Path, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "a.jpg").write_bytes(film(23))
    headline = Client(server.address, server.token).read([film(23)]).films[0].headline
    printed = read(server, str(tmp_path / "a.jpg")).stdout
    assert headline is not None
    assert headline.number is not None
    assert headline.number.value in printed
    assert "at the prevalence of the server's clinic" in printed
