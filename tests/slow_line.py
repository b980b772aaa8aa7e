"""A slow line: what is sent through it arrives at a fixed rate."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK = 16 << 10


@contextmanager
def slow_line(port: int, bytes_per_second: float) -> Iterator[int]:
    """Pass a connection on to a port of this machine, slowly both ways; gives the port of the line."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _CHUNK)
        threading.Thread(target=_serve, args=(listener, port, bytes_per_second), daemon=True).start()
        yield int(listener.getsockname()[1])


def _serve(listener: socket.socket, port: int, rate: float) -> None:
    with suppress(OSError):  # closed: the test is over
        while True:
            near, _address = listener.accept()
            far = socket.socket()
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _CHUNK)
            far.connect(("127.0.0.1", port))
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=_pass_on, args=(source, target, rate), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, rate: float) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
            time.sleep(len(data) / rate)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
