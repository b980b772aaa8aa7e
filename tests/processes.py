"""Lungwise as processes of its own: the pages' server, and workers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from forked import Process, start
from lungwise.settings import Settings
from servers import free_port

SYNTHETIC = [sys.executable, str(Path(__file__).parent / "with_synthetic_reader.py")]
"""The command line, with the synthetic films' reader."""
GUNICORN = [str(Path(sys.executable).with_name("gunicorn")), "--workers", "2", "--threads", "4"]
PASSWORD = "three green kites fly"
BOUNDARY = "----films"


def until(true: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def environment(settings: Settings) -> dict[str, str]:
    """Give the settings to a process."""
    given = settings.model_dump(exclude_defaults=True) | {"data_folder": settings.data_folder}
    own = {f"LUNGWISE_{name.upper()}": _plain(value) for name, value in given.items()}
    return os.environ | {"PYTHONUNBUFFERED": "1"} | own


def _plain(value: object) -> str:
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)


@contextmanager
def running(
    command: list[str], settings: Settings, ready: str = "", errors: int = subprocess.DEVNULL
) -> Iterator[Process]:
    """Run a command until the block ends; first wait until it says that it is ready. `errors` gets its log."""
    process = start(command, environment(settings), errors)
    try:
        assert process.stdout is not None
        if ready:
            assert any(ready in line for line in process.stdout), "it has ended"
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve the pages, films read by the synthetic films' reader, until the block ends; give the address.

    A server in a thread of the tests' own process would fail them when a browser keeps its connections open.
    """
    settings = settings.model_copy(update={"port": free_port()})
    with running([*SYNTHETIC, "serve"], settings, ready="Lungwise listens"):
        yield f"http://127.0.0.1:{settings.port}"


@contextmanager
def served(port: int, settings: Settings) -> Iterator[Process]:
    """Serve by gunicorn, and let it end its processes."""
    command = [*GUNICORN, "--bind", f"127.0.0.1:{port}", "lungwise.cli.wsgi:application()"]
    with running(command, settings) as pages:
        yield pages
        pages.terminate()
        pages.wait(60)


def answers(port: int, path: str = "/healthz") -> bool:
    """Say whether a server answers well."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


class Sender:
    """A signed-in browser that sends films one by one, as the page's script does."""

    def __init__(self, port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookies: dict[str, str] = {}

    @property
    def cookie(self) -> str:
        """What it sends of its cookies."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, str, str]:
        headers = {
            "Cookie": self.cookie,
            "Content-Type": kind,
            "Accept": "application/json" if "multipart" in kind else "text/html",
        }
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, answer.headers.get("Location", ""), answer.read().decode(errors="replace")

    def token(self, path: str) -> str:
        return str(re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', self.ask("GET", path)[2])[0])

    def sign_in(self) -> None:
        fields = {"csrf_token": self.token("/sign-in"), "email": "ada@example.org", "password": PASSWORD}
        status, _, page = self.ask("POST", "/sign-in", urlencode(fields).encode(), "application/x-www-form-urlencoded")
        assert status == 302, page

    def send(self, path: str, token: str, film: bytes) -> str:
        """Send a film and give the address for further ones."""
        status, text = self.post(path, token, film)
        assert status == 200, text
        return str(re.findall(r'"films":\s*"([^"]+)"', text)[0])

    def post(self, path: str, token: str, film: bytes) -> tuple[int, str]:
        """Send a film, whatever comes of it."""
        body = b"".join(
            (
                f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{token}\r\n'.encode(),
                f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="films"; filename="f.jpg"\r\n\r\n'.encode(),
                film,
                f"\r\n--{BOUNDARY}--\r\n".encode(),
            )
        )
        status, _, text = self.ask("POST", path, body, f"multipart/form-data; boundary={BOUNDARY}")
        return status, text
