"""The HTTP server of `lungwise serve`: waitress, which lets nobody hold it by sending slowly, much, or nothing at all.

waitress keeps a request's body until the whole of it is there, on disk where it is large. Here it asks the
application first, with the headers alone, how large the body may be, and sends its answer where that is no.
What comes too slowly is ended, and where there are too many connections, the one that has done nothing for longest.
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
"""Time that a connection is kept between two requests."""
STALLED_SECONDS = 60
"""Time that an answer may lie unread."""
LEAST_BYTES_A_SECOND = 1000
"""Pace that a body must keep after `HEADER_SECONDS`."""
LINGER_SECONDS = 5
"""Time that the rest of a refused body is read over, so that the answer reaches whoever sends it."""
_ACCEPTED_AT_ONCE = 100
_log = logging.getLogger("lungwise.security")
_LARGEST_HEADER = 16 << 10
_DESCRIPTORS = 4096


class BoundedRequest(HTTPRequestParser):  # type: ignore[misc]
    """A request that stops behind its headers, until it is said how large its body may be."""

    error: Any
    expect_continue: bool
    most = SMALL
    asks = False
    expected = False
    early = b""

    def __init__(self, adjustments: object) -> None:
        super().__init__(adjustments)
        self.begun = time.monotonic()

    def received(self, data: bytes) -> int:
        """Take bytes from the network, and say how many."""
        if self.body_rcv is not None:
            return self._received_body(data)
        consumed: int = super().received(data)
        large = self.chunked or self.content_length > SMALL
        if not (self.headers_finished and large and self.error is None):
            return consumed
        self.asks, self.completed, self.early = True, True, data[consumed:]
        self.expected, self.expect_continue = self.expect_continue, False
        return len(data)

    def go_on(self, most: int) -> None:
        """Take the body up to so many bytes, beginning with those that came with the headers."""
        self.most, self.asks, self.completed, self.begun = most, False, False, time.monotonic()
        if self.early and self._received_body(self.early) < len(self.early):
            self.connection_close = True  # what stands behind is dropped with the connection
            self.headers["CONNECTION"] = "close"
        self.early = b""

    def is_late(self) -> bool:
        """Say whether it comes too slowly."""
        seconds = time.monotonic() - self.begun - HEADER_SECONDS
        return bool(seconds > self.body_bytes_received / LEAST_BYTES_A_SECOND)

    def _received_body(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.body_bytes_received > self.most and self.error is None:
            self.error = RequestEntityTooLarge(f"The body is larger than {self.most} bytes.")
            self.completed = True
        return consumed


class _Answer(Task):  # type: ignore[misc]
    """The application's answer to a request whose body is not taken."""

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
    """A connection that asks before it takes a large body, and can be told to be too slow."""

    parser_class = BoundedRequest
    lingers_until = 0.0
    refused = False

    def service(self) -> None:
        """Answer a request; first let one with a large body go on, or not."""
        request = self.requests[0]
        if request.asks and self.connected and self._goes_on(request):
            return
        if request.error is not None:
            _log.warning("refused %d, a request that is none, from %s", request.error.code, self.addr[0])
        super().service()

    def is_late(self, now: float) -> bool:
        """Say whether the other side keeps this connection without need."""
        if self.lingers_until:
            return now > self.lingers_until
        if self.requests:
            return bool(self.total_outbufs_len) and bool(now - self.last_activity > STALLED_SECONDS)
        if self.request is not None:
            return bool(self.request.is_late())
        fresh = self.last_activity == self.creation_time
        return bool(now - self.last_activity > (HEADER_SECONDS if fresh else IDLE_SECONDS))

    def readable(self) -> bool:
        """Say whether to read: also what is to be dropped."""
        return bool(self.lingers_until) or bool(super().readable())

    def received(self, data: bytes) -> bool:
        """Take bytes from the network, or drop them where they belong to a refused body."""
        return False if self.lingers_until else bool(super().received(data))

    def handle_close(self) -> None:
        """Close; after a refused body stop sending only, and read over what still comes."""
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
        """Close for good, whether or not the other side reads what is still to be sent."""
        self.refused = False
        self.handle_close()

    def _goes_on(self, request: BoundedRequest) -> bool:
        try:
            most, answer = self._ask(request)
        except Exception:
            self.logger.exception("It could not be asked how large a body may be.")
            most, answer = 0, {"status": "500 Internal Server Error", "headers": [], "body": b""}
        if not most:
            self.refused, self.task_class = True, partial(_Answer, **answer)
            return False
        request.go_on(most)
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
    """The server: ends what is late, and makes room for who comes next."""

    channel_class = BoundedChannel
    _taken = 0

    def maintenance(self, now: float) -> None:
        """End the connections that come or read too slowly."""
        for channel in list(self.active_channels.values()):
            if channel.is_late(now):
                channel.end()

    def handle_accept(self) -> None:
        """Take who waits, many in one turn, in the place of those that do nothing where there are too many."""
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
        max_request_header_size=_LARGEST_HEADER,
        max_request_body_size=1 << 62,  # the application says it, for each request
        clear_untrusted_proxy_headers=False,  # the application itself counts its proxies
        connection_limit=1 << 30,  # ours is kept by making room
        cleanup_interval=1,
        asyncore_use_poll=True,  # select() knows no more than 1024 descriptors
        ident=None,
    )


def _allow_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
