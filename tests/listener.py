"""A web server of our own that keeps what is sent to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydantic import SecretStr

from lungwise.settings import Settings


class Listener(ThreadingHTTPServer):
    """Answers every message with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taker)
        self.messages: list[tuple[Message, bytes]] = []
        self.status = 204

    def set_up(self, settings: Settings, secret: str) -> Settings:
        """Give the settings with this server as their webhook."""
        url = f"http://127.0.0.1:{self.server_port}/alarms"
        return settings.model_copy(update={"webhook_url": url, "webhook_secret": SecretStr(secret)})


class _Taker(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append((self.headers, body))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listener() -> Iterator[Listener]:
    """Listen while the block runs."""
    with Listener() as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield found
        found.shutdown()
