from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from lungwise.metrics import READINGS, UnsentResults, WaitingFilms, page, serve
from servers import free_port


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


def test_metrics_are_served_at_an_address_of_their_own() -> None:
    port = free_port()
    serve("127.0.0.1", port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert b"lungwise_readings_total" in answer.read()
