"""Asks the provider: by TLS, within bounds of time and size, and never where a redirect leads."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from lungwise.accounts.oidc.errors import NotVouchedForError, ProviderError
from lungwise.settings.checks import is_guarded_address
from lungwise.tls import client_context

SECONDS = 8
"""How long an answer may take as a whole, however slowly it trickles."""
BYTES = 128 << 10
"""The largest answer that is read."""
AT_ONCE = 3
"""Requests to the provider at once, so that one that never answers leaves threads for those who need no provider."""


class Fetcher:
    """Asks for JSON objects.

    Parameters
    ----------
    ca
        The certificate authority that is believed; none for those of the machine.
    """

    def __init__(self, ca: Path | None) -> None:
        self._ca = ca
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def get(self, url: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Get a JSON object.

        Raises
        ------
        ProviderError
            If none comes.
        """
        try:
            return self._object(urllib.request.Request(url, None, headers or {}))  # noqa: S310 - checked in `_object`
        except NotVouchedForError as refused:
            raise ProviderError(str(refused)) from refused

    def post(self, url: str, body: str, headers: dict[str, str]) -> dict[str, Any]:
        """Send a form, and return the JSON object that answers it.

        Raises
        ------
        ProviderError
            If none comes.
        NotVouchedForError
            If the provider refuses what was sent.
        """
        form = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return self._object(urllib.request.Request(url, body.encode(), form, method="POST"))  # noqa: S310

    def _object(self, request: urllib.request.Request) -> dict[str, Any]:
        if not is_guarded_address(request.full_url):
            raise ProviderError("an address of the provider is not https")
        request.add_header("Accept", "application/json")
        request.add_header("User-Agent", "Lungwise")
        if not self._free.acquire(timeout=SECONDS / 2):
            raise ProviderError("it is being asked too often at once")
        try:
            return _only_an_object(self._bytes(request))
        finally:
            self._free.release()

    def _bytes(self, request: urllib.request.Request) -> bytes:
        try:
            with _TimeLimit() as limit, self._opener(limit).open(request, timeout=SECONDS) as answer:
                read: bytes = answer.read(BYTES + 1)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, HTTPException, ValueError) as error:
            raise ProviderError(f"no answer: {type(error).__name__}") from error
        if limit.is_over or len(read) > BYTES:
            raise ProviderError("its answer takes too long" if limit.is_over else "its answer is too large")
        return read

    def _opener(self, limit: _TimeLimit) -> urllib.request.OpenerDirector:
        # A proxy passes TLS on unopened. An address that is not https is on this machine, and no proxy's business.
        proxies = {scheme: url for scheme, url in urllib.request.getproxies().items() if scheme == "https"}
        handlers = _NoRedirect, _Http(limit), _Https(limit, self._context)
        return urllib.request.build_opener(urllib.request.ProxyHandler(proxies), *handlers)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return client_context(self._ca)


class _TimeLimit:
    """Cuts a connection off when its time is over: a socket's own timeout begins anew with every byte."""

    def __init__(self) -> None:
        self.is_over = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(SECONDS, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._timer.cancel()

    def watch(self, connection: socket.socket) -> None:
        """Cut this connection off too."""
        self._sockets.append(connection)

    def _end(self) -> None:
        self.is_over = True
        for one in self._sockets:
            with suppress(OSError, ValueError):
                one.shutdown(socket.SHUT_RDWR)


class _Http(urllib.request.HTTPHandler):
    def __init__(self, limit: _TimeLimit) -> None:
        super().__init__()
        self._limit = limit

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        """Open a connection that is watched."""

        def connect(host: str, **more: Any) -> HTTPConnection:  # noqa: ANN401 - as urllib gives it
            return _watched(HTTPConnection(host, **more), self._limit)

        return self.do_open(connect, req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, limit: _TimeLimit, context: ssl.SSLContext) -> None:
        super().__init__()
        self._limit = limit
        self._tls = context

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        """Open a connection that is watched."""

        def connect(host: str, **more: Any) -> HTTPConnection:  # noqa: ANN401
            return _watched(HTTPSConnection(host, context=self._tls, **more), self._limit)

        return self.do_open(connect, req)


def _watched(connection: HTTPConnection, limit: _TimeLimit) -> HTTPConnection:
    plain = connection.connect

    def connect() -> None:
        plain()
        limit.watch(connection.sock)

    connection.connect = connect  # type: ignore[method-assign]
    return connection


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a secret goes to the address that the provider has published, and nowhere else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Return that nothing is asked for instead."""


def _refusal(error: urllib.error.HTTPError) -> ProviderError | NotVouchedForError:
    """Return what a status means; of its body nobody reads more than the error's name."""
    with error:
        if not 400 <= error.code < 500 or error.code == 429:
            return ProviderError(f"it answers {error.code}")
        said = ""
        with suppress(ProviderError, OSError, HTTPException):
            said = str(_only_an_object(error.read(BYTES)).get("error", ""))
        return NotVouchedForError(f"it answers {error.code} {said if said.isidentifier() else ''}".strip())


def _only_an_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProviderError("its answer is not JSON") from error
    if not isinstance(found, dict):
        raise ProviderError("its answer is not a JSON object")
    return found
