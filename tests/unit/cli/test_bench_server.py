"""`lungwise bench --server` against a live server and a worker in a process of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from live_server import LiveServer, live_server
from lungwise.cli import main
from lungwise.settings import Settings
from processes import SYNTHETIC, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    """Serve pages that read nothing, beside a worker, both counting into one folder."""
    (tmp_path / "metrics").mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "metrics"))
    with (
        live_server(tmp_path / "data", readers=0, api_rate=100000) as server,
        running([*SYNTHETIC, "worker"], Settings(data_folder=tmp_path / "data")),
    ):
        yield server


def bench(server: LiveServer, *words: str) -> Result:
    return CliRunner().invoke(
        main, ["bench", "--rounds", "12", "--server", server.address, "--token", server.token, *words]
    )


def test_a_server_is_measured_end_to_end_with_the_stages_and_memory_of_its_workers(server: LiveServer) -> None:
    done = bench(server, "--json")
    assert done.exit_code == 0, done.output
    measured = json.loads(done.stdout)
    assert (measured["films"], measured["films_of_a_study"], measured["workers"]) == (12, 10, 1)
    assert measured["worker"] == pytest.approx(1000 / measured["films_per_second"], rel=0.01)
    assert measured["reader"] > 0
    assert measured["overhead"] == pytest.approx(measured["reader"] / measured["network"] - 1, abs=0.01)
    assert 0 < measured["alone"]["median"] <= measured["alone"]["p95"]
    assert set(measured["stages"]) == {"store", "decode", "network", "database"}
    assert all(milliseconds > 0 for milliseconds in measured["stages"].values())
    assert measured["memory_megabytes"] > 20
    said = bench(server)
    assert "films a second from upload to reading by 1 workers" in said.stdout


def test_a_film_that_is_refused_there_is_no_measure(server: LiveServer, tmp_path: Path, blank: bytes) -> None:
    (tmp_path / "blank.jpg").write_bytes(blank)
    done = bench(server, "--film", str(tmp_path / "blank.jpg"))
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "Measure with another" in done.stderr


def test_a_server_asks_for_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUNGWISE_TOKEN", raising=False)
    done = CliRunner().invoke(main, ["bench", "--server", "http://127.0.0.1:1"])
    assert done.exit_code == 2
    assert "LUNGWISE_TOKEN" in done.stderr
