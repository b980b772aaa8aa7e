from __future__ import annotations

import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lungwise.metrics import READINGS, UnsentResults, WaitingFilms, page, serve
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_page_has_what_was_counted_and_the_queue_as_it_stands() -> None:
    READINGS.labels(verdict="positive", model="of this test", version="1").inc(3)
    alarms = {("COVID-19", "misses"): 2}
    text = page(
        WaitingFilms(films=7, oldest_seconds=12.5), alarms, UnsentResults(waiting=3, given_up=1, oldest_seconds=60)
    ).decode()
    assert 'lungwise_readings_total{model="of this test",verdict="positive",version="1"} 3.0' in text
    assert "\nlungwise_queue_films 7.0" in text
    assert "\nlungwise_queue_oldest_seconds 12.5" in text
    assert "\nlungwise_unsent_results 3.0" in text
    assert "\nlungwise_unsent_oldest_seconds 60.0" in text
    assert "\nlungwise_unsent_given_up 1.0" in text
    assert '\nlungwise_alarms_open{finding="COVID-19",sort="misses"} 2.0' in text


def test_processes_that_share_a_folder_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    text = page(WaitingFilms(films=1, oldest_seconds=0), {}, UnsentResults()).decode()
    assert "lungwise_readings_total" not in text  # no process has written there
    assert "lungwise_queue_films 1.0" in text


_COUNTS = """
import sys
from lungwise.metrics import MEMORY, MODEL, READINGS
MODEL.labels("of this test", sys.argv[1]).set(1)
MEMORY.set(float(sys.argv[2]))
READINGS.labels(verdict="positive", model="of this test", version=sys.argv[1]).inc()
print("counted", flush=True)
sys.stdin.read()
"""


@contextmanager
def _process(version: str, memory: int) -> Iterator[subprocess.Popen[str]]:
    """Run another process that counts, until the block ends, however that is."""
    command = [sys.executable, "-c", _COUNTS, version, str(memory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "counted\n"
        yield process
        process.kill()


def test_a_gauge_tells_of_live_processes_and_a_counter_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    def text() -> str:
        return page(WaitingFilms(films=0, oldest_seconds=0), {}, UnsentResults()).decode()

    with _process("1.0.0", 900):
        assert 'lungwise_model{model="of this test",version="1.0.0"} 1.0' in text()
    with _process("2.0.0", 500):
        now = text()
        assert 'lungwise_model{model="of this test",version="2.0.0"} 1.0' in now
        assert "lungwise_memory_bytes 500.0" in now
        assert 'lungwise_model{model="of this test",version="1.0.0"}' not in now
        assert 'lungwise_readings_total{model="of this test",verdict="positive",version="1.0.0"} 1.0' in now


def test_metrics_are_served_at_an_address_of_their_own() -> None:
    port = free_port()
    serve("127.0.0.1", port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert b"lungwise_readings_total" in answer.read()
