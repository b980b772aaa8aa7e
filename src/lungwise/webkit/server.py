"""The HTTP server of `lungwise serve`: waitress, which nobody can block by sending slowly, too much, or nothing at all.

waitress keeps a request's body until the whole of it is there, on disk where it is large. Here it asks the
application first, with only the headers, how large the body may be, and sends its answer if it refuses.
Slow connections are closed, and if there are too many connections, the one that is idle for longest.
"""

from __future__ import annotations

import logging
import resource
import socket
import time
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import Task, ThreadedTaskDispatcher, WSGITask
from waitress.utilities import RequestEntityTooLarge

from lungwise.webkit.bodies import ASKS, SMALL

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

CONNECTIONS = 800
"""Connections held at once."""
HEADER_SECONDS = 10
"""Time for a request's headers, from the connection's or the request's first byte."""
IDLE_SECONDS = 30
"""Time that a connection is kept open between two requests."""
STALLED_SECONDS = 60
"""Time that an answer may stay unread."""
BYTES_A_SECOND = 1000
"""Least rate of a body after `HEADER_SECONDS`."""
LINGER_SECONDS = 5
"""Time that the rest of a refused body is read and dropped, so that the answer reaches its sender."""
_ACCEPTED_AT_ONCE = 100
_log = logging.getLogger("lungwise.security")
_HEADER_BYTES = 16 << 10
_DESCRIPTORS = 4096


class BoundedRequest(HTTPRequestParser):  # type: ignore[misc]
    """A request that stops after its headers until the limit of its body is known."""

    error: Any
    expect_continue: bool
    limit = SMALL
    asks = False
    expected = False
    early = b""

    def __init__(self, adjustments: object) -> None:
        super().__init__(adjustments)
        self.begun = time.monotonic()

    def received(self, data: bytes) -> int:
        """Take bytes from the network, and return how many."""
        if self.body_rcv is not None:
            return self._received_body(data)
        consumed: int = super().received(data)
        large = self.chunked or self.content_length > SMALL
        if not (self.headers_finished and large and self.error is None):
            return consumed
        self.asks, self.completed, self.early = True, True, data[consumed:]
        self.expected, self.expect_continue = self.expect_continue, False
        return len(data)

    def take_body(self, limit: int) -> None:
        """Take a body of up to so many bytes, beginning with those that came with the headers."""
        self.limit, self.asks, self.completed, self.begun = limit, False, False, time.monotonic()
        if self.early and self._received_body(self.early) < len(self.early):
            self.connection_close = True  # the rest is dropped with the connection
            self.headers["CONNECTION"] = "close"
        self.early = b""

    def is_late(self) -> bool:
        """Return whether it comes too slowly."""
        seconds = time.monotonic() - self.begun - HEADER_SECONDS
        return bool(seconds > self.body_bytes_received / BYTES_A_SECOND)

    def _received_body(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.body_bytes_received > self.limit and self.error is None:
            self.error = RequestEntityTooLarge(f"The body is larger than {self.limit} bytes.")
            self.completed = True
        return consumed


class _Answer(Task):  # type: ignore[misc]
    """The application's answer to a request whose body is refused."""

    complete = True

    def __init__(self, channel: object, request: object, *, status: str, headers: list[Any], body: bytes) -> None:
        super().__init__(channel, request)
        self.status, self.response_headers, self._body = status, headers, body
        self.content_length = len(body)

    def execute(self) -> None:
        """Send it, and end the connection: the body stands in the way of a next request."""
        self.set_close_on_finish()
        self.write(self._body)


class BoundedChannel(HTTPChannel):  # type: ignore[misc]
    """A connection that asks before it takes a large body, and knows when it is too slow."""

    parser_class = BoundedRequest
    lingers_until = 0.0
    refused = False

    def service(self) -> None:
        """Answer a request; for a large body, first ask whether to take it."""
        request = self.requests[0]
        if request.asks and self.connected and self._takes_body(request):
            return
        if request.error is not None:
            _log.warning("refused %d, not an HTTP request, from %s", request.error.code, self.addr[0])
        super().service()

    def is_late(self, now: float) -> bool:
        """Return whether the other side keeps this connection needlessly."""
        if self.lingers_until:
            return now > self.lingers_until
        if self.requests:
            return bool(self.total_outbufs_len) and bool(now - self.last_activity > STALLED_SECONDS)
        if self.request is not None:
            return bool(self.request.is_late())
        fresh = self.last_activity == self.creation_time
        return bool(now - self.last_activity > (HEADER_SECONDS if fresh else IDLE_SECONDS))

    def readable(self) -> bool:
        """Return whether to read: also what is to be dropped."""
        return bool(self.lingers_until) or bool(super().readable())

    def received(self, data: bytes) -> bool:
        """Take bytes from the network, or drop them if they belong to a refused body."""
        return False if self.lingers_until else bool(super().received(data))

    def handle_close(self) -> None:
        """Close; after a refused body only stop sending, and drop what still comes."""
        if not self.refused or not self.connected:
            super().handle_close()
            return
        self.refused, self.will_close = False, False
        self.lingers_until = time.time() + LINGER_SECONDS
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            super().handle_close()

    def end(self) -> None:
        """Close at once, whether or not the other side has read everything."""
        self.refused = False
        self.handle_close()

    def _takes_body(self, request: BoundedRequest) -> bool:
        try:
            limit, answer = self._ask(request)
        except Exception:
            self.logger.exception("The application failed when asked how large a body may be.")
            limit, answer = 0, {"status": "500 Internal Server Error", "headers": [], "body": b""}
        if not limit:
            self.refused, self.task_class = True, partial(_Answer, **answer)
            return False
        request.take_body(limit)
        with self.requests_lock:
            if request.completed:
                return False  # the body is here already
            self.requests.pop(0)
            self.request = request
            if request.expected:
                self.send_continue()
        self.server.pull_trigger()
        return True

    def _ask(self, request: BoundedRequest) -> tuple[int, dict[str, Any]]:
        environ = WSGITask(self, request).get_environment() | {"wsgi.input": BytesIO(), ASKS: 0}
        answer: dict[str, Any] = {}

        def start_response(status: str, headers: list[Any], _exc_info: object = None) -> None:
            answer.update(status=status, headers=headers)

        chunks = self.server.application(environ, start_response)
        try:
            return environ[ASKS], {**answer, "body": b"".join(chunks)}
        finally:
            if hasattr(chunks, "close"):
                chunks.close()


class BoundedServer(TcpWSGIServer):  # type: ignore[misc]
    """The server: closes late connections, and idle ones for new ones."""

    channel_class = BoundedChannel
    _taken = 0

    def bind_server_socket(self) -> None:
        """Bind the address, and leave no socket open if somebody else has it."""
        try:
            super().bind_server_socket()
        except OSError:
            self.close()
            raise

    def maintenance(self, now: float) -> None:
        """End the connections that come or read too slowly."""
        for channel in list(self.active_channels.values()):
            if channel.is_late(now):
                channel.end()

    def handle_accept(self) -> None:
        """Accept many waiting connections at once; if there are too many, close idle ones."""
        for _ in range(_ACCEPTED_AT_ONCE):
            taken = self._taken
            super().handle_accept()
            if self._taken == taken:
                return
            if len(self.active_channels) > CONNECTIONS:
                self._make_room()

    def set_socket_options(self, conn: object) -> None:
        """Prepare a connection that was taken, and count it."""
        self._taken += 1
        super().set_socket_options(conn)

    def _make_room(self) -> None:
        idle = [channel for channel in self.active_channels.values() if not channel.requests]
        if idle:
            min(idle, key=lambda channel: float(channel.last_activity)).end()


def make_server(app: WSGIApplication, host: str, port: int, threads: int) -> BoundedServer:
    """Make a server that listens on every address of the host's name; running one runs all."""
    _allow_descriptors()
    dispatcher, channels = ThreadedTaskDispatcher(), dict[int, object]()
    dispatcher.set_thread_count(threads)
    adjustments = _adjustments(host, port, threads)
    servers = [
        BoundedServer(app, channels, dispatcher=dispatcher, adj=adjustments, sockinfo=address)
        for address in adjustments.listen
    ]
    return servers[-1]


def _adjustments(host: str, port: int, threads: int) -> Adjustments:
    return Adjustments(
        host=host,
        port=port,
        threads=threads,
        max_request_header_size=_HEADER_BYTES,
        max_request_body_size=1 << 62,  # the application decides for each request
        clear_untrusted_proxy_headers=False,  # the application itself counts its proxies
        connection_limit=1 << 30,  # `_make_room` keeps our own
        cleanup_interval=1,
        asyncore_use_poll=True,  # select() knows no more than 1024 descriptors
        ident=None,
    )


def _allow_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
