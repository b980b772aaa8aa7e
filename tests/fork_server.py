"""Starts programs of Lungwise by forking: whatever they load is loaded here once, rather than by each.

Run as `python fork_server.py FD`, with a socket on that file descriptor. Each message is a line of JSON with the
program, its words, its environment and its folder; with it come the files for its output and its errors, and a
socket that is told its number, and at its end how it ended.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import signal
import socket
import struct
import sys
from importlib import import_module
from tempfile import mkdtemp
from typing import Any

from lungwise.allocator import loading

NUMBER = struct.Struct("=i")
"""A process's number, and what waitpid says of its end."""
LOADED = (
    "lungwise.cli.hl7",
    "lungwise.cli.serve",
    "lungwise.cli.node",
    "lungwise.cli.node_parts",
    "lungwise.dicom.send",
    "lungwise.results.film_results",
    "synthetic_reader",
)


def main() -> None:
    """Fork a process for each message; in that process, run what the message names."""
    asked = socket.socket(fileno=int(sys.argv[1]))
    templates = mkdtemp(prefix="lungwise-templates-")
    with loading():
        _load(templates)
    forked = _fork_until_over(asked)
    if forked:
        _stand_between(*forked)
    else:
        shutil.rmtree(templates, ignore_errors=True)  # one that ends late may still write


def _load(templates: str) -> None:
    """Load what programs load, and keep for them what they would make of it."""
    for name in LOADED:
        import_module(name)
    from jinja2 import FileSystemBytecodeCache
    from sqlalchemy.orm import configure_mappers

    from lungwise.web_app import Lungwise

    configure_mappers()
    Lungwise.jinja_options = {**Lungwise.jinja_options, "bytecode_cache": FileSystemBytecodeCache(templates)}


def _fork_until_over(asked: socket.socket) -> tuple[dict[str, Any], int, int, int] | None:
    """Return in each forked process the program, and the files that came with it; None once nobody asks any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that stand between
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who interrupts the tests ends this server with them
    while True:
        message, files, _flags, _address = socket.recv_fds(asked, 1 << 20, 3)
        if not message:
            return None
        if os.fork() == 0:
            asked.close()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            out, errors, tell = files
            return json.loads(message), out, errors, tell
        for file in files:
            os.close(file)


def _stand_between(program: dict[str, Any], out: int, errors: int, tell: int) -> None:
    """Fork the program, say its number, wait for its end, and say how that was."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(tell)
        _become(program, out, errors)
        return
    os.close(out)
    os.close(errors)
    os.write(tell, NUMBER.pack(child))
    _, status = os.waitpid(child, 0)
    os.write(tell, NUMBER.pack(status))
    os._exit(0)


def _become(program: dict[str, Any], out: int, errors: int) -> None:
    """Run a program as if it had been started by itself."""
    for file, number in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (errors, 2)):
        os.dup2(file, number)
        os.close(file)
    sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]  # as PYTHONUNBUFFERED has it
    os.environ.clear()
    os.environ.update(program["environment"])
    os.chdir(program["folder"])
    sys.argv = [program["path"], *program["words"]]
    runpy.run_path(program["path"], run_name="__main__")


if __name__ == "__main__":
    main()
