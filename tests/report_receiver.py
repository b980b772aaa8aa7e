"""A system of our own that gets reports over HTTP, and whose answers are whatever a test wants."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from lungwise.settings import Settings

SECRET = "a secret that nobody guesses"


@dataclass(frozen=True)
class Got:
    """One message that came."""

    path: str
    headers: Message
    body: bytes


class Receiver(ThreadingHTTPServer):
    """Keeps what comes, and has `answer` write each answer."""

    daemon_threads = True

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[Got] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = answering(204)
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}/reports?to=us"

    def set_up(self, settings: Settings, **more: Any) -> Settings:
        """Give the settings with this system as their webhook for reports."""
        own = {"report_webhook_url": self.url, "report_webhook_secret": SecretStr(SECRET)}
        return settings.model_copy(update={**own, **more})

    def handle_error(self, *_: object) -> None:
        """Say nothing of who goes away."""


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(Got(self.path, self.headers, body))
        self.server.answer(self)

    def do_GET(self) -> None:
        self.server.got.append(Got(self.path, self.headers, b""))
        self.server.answer(self)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def answering(
    status: int, body: bytes = b"", media_type: str = "application/fhir+json", **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return what answers so."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", media_type)
        request.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return answer


@contextmanager
def receiver(certificate: Path | None = None) -> Iterator[Receiver]:
    """Listen while the block runs."""
    with Receiver(certificate) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield found
        found.shutdown()
