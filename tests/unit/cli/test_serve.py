"""`lungwise serve` as a process: it comes up, says how to begin, and stops gracefully."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

from processes import SYNTHETIC
from servers import free_port


def test_a_first_start_makes_its_schema_says_how_to_begin_and_stops_when_told(tmp_path: Path) -> None:
    port = free_port()
    environment = os.environ | {"LUNGWISE_DATA_FOLDER": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [*SYNTHETIC, "serve", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        assert f"http://127.0.0.1:{port}/" in server.stdout.readline()
        begin = server.stdout.readline()
        assert re.search(r"/welcome and begin with the code [0-9a-f]{12}$", begin.strip())
        for path in ("healthz", "readyz", "sign-in"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60) as answer:
                assert answer.status == 200
        server.send_signal(signal.SIGTERM)
        said, _ = server.communicate(timeout=60)
    finally:
        server.kill()
        server.communicate()
    assert "Lungwise has stopped." in said
    assert server.returncode == 0


def test_a_port_that_another_program_uses_is_said(tmp_path: Path) -> None:
    environment = os.environ | {"LUNGWISE_DATA_FOLDER": str(tmp_path)}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [*SYNTHETIC, "serve", "--port", str(taken.getsockname()[1])]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert "cannot listen" in ended.stderr and "--port" in ended.stderr
    assert "Traceback" not in ended.stderr
