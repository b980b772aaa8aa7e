"""Pages in two processes of gunicorn, a worker in others: each request finds its way, and the metrics are of all."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from live_server import install
from lungwise.client import Client
from processes import SYNTHETIC, answers, running, served, until
from servers import Redis, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from lungwise.settings import Settings


def counted(port: int, line: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        found = re.search(rf"^{re.escape(line)} (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("broker", [False, True], ids=["glances", "redis"])
def test_pages_and_workers_are_processes_of_one_installation(
    broker: bool,
    request: pytest.FixtureRequest,
    settings: Settings,
    tmp_path: Path,
    film: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redis: Redis | None = request.getfixturevalue("redis") if broker else None
    url = type(settings.secret_key)(redis.url if redis else "")
    settings = settings.model_copy(update={"readers": 0, "broker_url": url})
    (tmp_path / "metrics").mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "metrics"))
    token, pages, worker = install(settings), free_port(), free_port()
    read = [*SYNTHETIC, "worker", "--readers", "2", "--metrics", f"127.0.0.1:{worker}"]
    with served(pages, settings), running(read, settings):
        until(lambda: answers(pages, "/readyz"))
        client = Client(f"http://127.0.0.1:{pages}", token)
        studies = [client.read([film(seed, 8)]) for seed in range(6)]
        assert {study.standing for study in studies} == {"positive"}
        readings = 'lungwise_readings_total{model="synthetic",verdict="positive",version="1"}'
        until(lambda: counted(pages, readings) == 6)  # a reading is counted after it is kept
        assert counted(worker, readings) == 6
        assert counted(worker, 'lungwise_stage_seconds_count{stage="network"}') == 6
        uploads = 'lungwise_requests_total{method="POST",route="/api/v1/studies",status="201"}'
        assert counted(pages, uploads) == 6  # of both processes
        assert counted(pages, 'lungwise_model{model="synthetic",version="1"}') == 1
        assert counted(pages, "lungwise_memory_bytes") > 20 << 20
        assert counted(pages, "lungwise_queue_films") == 0


def test_gunicorn_does_not_begin_without_a_schema(settings: Settings) -> None:
    with served(free_port(), settings) as pages:
        assert pages.wait(60) != 0
