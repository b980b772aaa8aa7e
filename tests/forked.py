"""Programs of Lungwise as processes of their own, forked from one that has everything loaded."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

from fork_server import NUMBER

_ENVIRONMENT = dict(os.environ)
"""Of the process that forks: what it loads may depend on it."""
_READ_LATER = ("LUNGWISE_", "PYTHONUNBUFFERED", "PYTEST_", "PATH", "GDCM_", "KMP_", "TORCHINDUCTOR_")
"""What a program reads when it runs, or not at all; GDCM, scikit-learn and torch set their own once loaded."""


class Forked:
    """A process, as subprocess.Popen shows one."""

    def __init__(self, command: list[str], environment: dict[str, str], errors: int) -> None:
        path, *words = _program(command) or []
        program = {"path": path, "words": words, "environment": environment, "folder": str(Path.cwd())}
        readable, writable = os.pipe()
        self._told, tell = socket.socketpair()
        socket.send_fds(_server()[0], [json.dumps(program).encode()], [writable, errors, tell.fileno()])
        os.close(writable)
        tell.close()
        self.stdout: IO[str] = os.fdopen(readable)
        self.returncode: int | None = None
        self.pid = self._number()

    def _number(self) -> int:
        text = self._told.recv(NUMBER.size, socket.MSG_WAITALL)
        (number,) = NUMBER.unpack(text)
        return int(number)

    def poll(self) -> int | None:
        """Return how it ended, if it has."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return how that was: the exit code, or the signal's number below zero."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                self.returncode = os.waitstatus_to_exitcode(self._number())
            except (TimeoutError, BlockingIOError) as error:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from error
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Tell it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Wait for its end, and return what it has said until then."""
        said = self.stdout.read()
        self.stdout.close()
        self.wait(timeout)
        return said, None


Process = subprocess.Popen[str] | Forked


def start(command: list[str], environment: dict[str, str], errors: int = subprocess.DEVNULL) -> Process:
    """Start a command; fork it, where it is a program of Lungwise whose environment differs in its settings alone."""
    if _program(command) and _as_here(environment):
        with Path(os.devnull).open("wb") as nothing:
            return Forked(command, environment, nothing.fileno() if errors == subprocess.DEVNULL else errors)
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)


def _program(command: list[str]) -> list[str] | None:
    """Return the script that a command runs by this Python, and its words, where it serves, listens or sends."""
    if command[0] != sys.executable or command[2] not in ("serve", "node", "hl7", "send"):
        return None
    return command[1:] if Path(command[1]).parent == Path(__file__).parent else None


def _as_here(environment: dict[str, str]) -> bool:
    """Return whether a process of this environment would load the same."""
    differing = {name for name, _value in environment.items() ^ _ENVIRONMENT.items()}
    return all(name.startswith(_READ_LATER) for name in differing)


@cache
def _server() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start the server; it ends when this process has, and with it its end of the socket."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, str(Path(__file__).with_name("fork_server.py")), str(its.fileno())]
    process = subprocess.Popen(command, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, pass_fds=[its.fileno()])
    its.close()
    return ours, process
