from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.accounts.oidc import fetch
from lungwise.accounts.oidc.errors import NotVouchedForError, ProviderError
from lungwise.accounts.oidc.fetch import BYTES, Fetcher
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server(ThreadingHTTPServer):
    """Answers with a status, headers and pieces of a body, as slowly as a test wants."""

    daemon_threads = True
    status, body, pause = 200, b"{}", 0.0
    location = ""


class Answers(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        try:
            for byte in [self.server.body] if not self.server.pause else [bytes([one]) for one in self.server.body]:
                self.wfile.write(byte)
                time.sleep(self.server.pause)
        except OSError:
            return

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


def say(server: Server, body: bytes = b"{}", status: int = 200, pause: float = 0, location: str = "") -> str:
    server.body, server.status, server.pause, server.location = body, status, pause, location
    return f"http://127.0.0.1:{server.server_port}/"


def test_a_proxy_is_asked_to_pass_tls_on_and_nothing_else(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask() -> None:
        with pytest.raises(ProviderError):
            Fetcher(None).get("https://id.invalid/a")

    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert Fetcher(None).get(say(server, b'{"a": 1}')) == {"a": 1}
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        asking = threading.Thread(target=ask)
        asking.start()
        with proxy.accept()[0] as asked:
            assert asked.recv(1000).startswith(b"CONNECT id.invalid:443 ")
        asking.join()


def test_what_is_slow_or_large_or_elsewhere_is_no_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    fetcher = Fetcher(None)
    assert fetcher.get(say(server, b'{"a": 1}')) == {"a": 1}
    with pytest.raises(ProviderError, match="too large"):
        fetcher.get(say(server, b'{"a": "' + b"x" * BYTES + b'"}'))
    with pytest.raises(ProviderError, match="302"):
        fetcher.get(say(server, status=302, location=f"http://127.0.0.1:{server.server_port}/b"))
    with pytest.raises(ProviderError, match="not https"):
        fetcher.get("http://id.example.org/")
    monkeypatch.setattr(fetch, "SECONDS", 0.5)
    begun = time.monotonic()
    with pytest.raises(ProviderError, match=r"too long|no answer"):
        fetcher.get(say(server, b'{"a": "' + b"x" * 200 + b'"}', pause=0.1))  # a byte now and then: no timeout ends it
    assert time.monotonic() - begun < 10


def test_a_refusal_is_told_from_a_fault(server: Server) -> None:
    fetcher = Fetcher(None)
    with pytest.raises(NotVouchedForError, match="400 invalid_grant"):
        fetcher.post(say(server, b'{"error": "invalid_grant"}', 400), "code=1", {})
    with pytest.raises(NotVouchedForError, match=r"400$"):
        fetcher.post(say(server, b'{"error": "two\\nlines"}', 400), "code=1", {})
    for status in (429, 500, 503):
        with pytest.raises(ProviderError, match=str(status)):
            fetcher.post(say(server, status=status), "code=1", {})


@given(st.binary(max_size=300))
def test_whatever_is_answered_is_an_object_or_no_answer(server: Server, body: bytes) -> None:
    try:
        assert isinstance(Fetcher(None).get(say(server, body)), dict)
    except ProviderError:
        return


def test_the_provider_s_certificate_is_asked_for(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = f"req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -days 2 -subj /CN=localhost"
    subprocess.run(
        ["openssl", *words.split(), "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Server(("127.0.0.1", 0), Answers) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        url = f"https://localhost:{server.server_port}/"
        assert Fetcher(certificate).get(url) == {}
        with pytest.raises(ProviderError, match="no answer"):
            Fetcher(None).get(url)
        server.shutdown()
    with pytest.raises(ProviderError, match="no answer"):
        Fetcher(tmp_path / "none.pem").get(url)
