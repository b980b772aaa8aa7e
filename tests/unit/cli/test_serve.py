"""`lungwise serve` as a process: it comes up, says how to begin, and stops gracefully."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import IO

import pytest

from processes import SYNTHETIC
from servers import free_port

AS_ROOT = os.geteuid() == 0
WITHOUT_OVERRIDE = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]
"""Lets root obey a folder's permissions."""


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"LUNGWISE_DATA_FOLDER": str(folder), "PYTHONUNBUFFERED": "1"}


def line_of(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def refusal(folder: Path, *arguments: str) -> str:
    """Start where that is impossible; give what is said."""
    command = [*(WITHOUT_OVERRIDE if AS_ROOT else []), *SYNTHETIC, "serve", *arguments]
    ended = subprocess.run(command, env=environment(folder), capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert ended.stdout == ""
    return ended.stderr


def test_a_first_start_makes_its_schema_says_how_to_begin_and_stops_when_told(tmp_path: Path) -> None:
    port = free_port()
    command = [*SYNTHETIC, "serve", "--port", str(port)]
    log = tmp_path / "log"
    with log.open("w") as errors:
        server = subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert line_of(server.stdout).startswith("For other devices: set LUNGWISE_HOST=0.0.0.0; ")
        assert f"http://127.0.0.1:{port}/" in line_of(server.stdout)
        assert len(log.read_text().splitlines()) <= 1, "two lines at most before the address and the code"
        begin = line_of(server.stdout)
        assert re.search(r"/welcome and begin with the code [0-9a-f]{12}$", begin.strip())
        for path in ("healthz", "readyz", "sign-in"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60) as answer:
                assert answer.status == 200
        server.send_signal(signal.SIGTERM)
        said, _ = server.communicate(timeout=60)
    finally:
        server.kill()
        server.communicate()
    assert said == "Lungwise has stopped.\n"
    assert server.returncode == 0


def test_a_port_that_another_program_uses_is_said(tmp_path: Path, empty_sqlite: Path) -> None:
    (tmp_path / "lungwise.sqlite").write_bytes(empty_sqlite.read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refusal(tmp_path, "--port", str(taken.getsockname()[1]))
    assert "cannot listen" in said and "--port" in said
    assert said.count("\n") == 1


def make_read_only(folder: Path) -> None:
    folder.chmod(0o500)


def damage(folder: Path) -> None:
    with (folder / "lungwise.sqlite").open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom((folder / "lungwise.sqlite").stat().st_size - 4096))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let another program keep the database to itself."""
    with closing(sqlite3.connect(folder / "lungwise.sqlite", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE other (id INTEGER)")
        yield


@pytest.mark.parametrize(
    ("spoil", "keep", "sentence"),
    [
        (make_read_only, nullcontext, "Lungwise may not write in {folder}. Give the account"),
        (damage, nullcontext, "The database in {folder} is damaged, or its disk is. Move it away, and put a backup"),
        (lambda _folder: None, locked, "Another program has locked the database in {folder}. End that program"),
    ],
    ids=["read-only", "damaged", "locked"],
)
def test_what_keeps_it_from_starting_is_one_sentence(
    spoil: Callable[[Path], None],
    keep: Callable[[Path], AbstractContextManager[None]],
    sentence: str,
    tmp_path: Path,
    empty_sqlite: Path,
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "lungwise.sqlite").write_bytes(empty_sqlite.read_bytes())
    spoil(folder)
    try:
        with keep(folder):
            said = refusal(folder)
    finally:
        folder.chmod(0o700)
    assert said.startswith("Error: " + sentence.format(folder=folder))
    assert said.count("\n") == 1
