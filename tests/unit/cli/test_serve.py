"""`lungwise serve` as a process: it comes up, says how to begin, and stops gracefully."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from processes import SYNTHETIC
from servers import free_port

if TYPE_CHECKING:
    from commands import Run


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


def test_a_port_that_another_program_uses_is_said(run: type[Run]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = run("serve", "--port", str(taken.getsockname()[1])).no()
    assert "cannot listen" in said and "--port" in said
