from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
from waitress.adjustments import Adjustments

from lungwise.webkit import server
from lungwise.webkit.bodies import SMALL
from lungwise.webkit.server import BoundedRequest, make_server
from servers import free_port

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def begun(size: str) -> BoundedRequest:
    request = BoundedRequest(Adjustments())
    request.received(f"POST / HTTP/1.1\r\nHost: x\r\n{size}\r\n\r\nabc".encode())
    return request


def test_a_request_with_a_large_body_or_one_of_unknown_length_stops_and_asks() -> None:
    assert begun(f"Content-Length: {SMALL + 1}").asks
    assert begun("Transfer-Encoding: chunked").asks
    assert not begun(f"Content-Length: {SMALL}").asks


def test_a_request_that_may_go_on_takes_what_came_with_its_headers_and_no_more_than_it_may() -> None:
    request = begun(f"Content-Length: {SMALL * 2}")
    request.take_body(SMALL * 2)
    assert request.body_bytes_received == 3
    request.received(b"x" * (SMALL * 2))
    assert request.completed and request.error is None
    request = begun("Transfer-Encoding: chunked")
    request.early = b"5\r\nabcde\r\n"
    request.take_body(8)
    request.received(b"5\r\nabcde\r\n")
    assert request.completed and request.error.code == 413


def test_a_request_is_late_where_its_headers_or_its_body_come_too_slowly() -> None:
    request = BoundedRequest(Adjustments())
    assert not request.is_late()
    request.begun -= server.HEADER_SECONDS + 1
    assert request.is_late()
    request.received(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {SMALL}\r\n\r\n".encode())
    request.received(b"x" * (2 * server.BYTES_A_SECOND))
    assert not request.is_late()
    request.begun -= 2
    assert request.is_late()


@pytest.fixture
def port() -> Iterator[int]:
    """Serve an application that says nothing, and give the port."""
    number = free_port()
    served = make_server(silent, "127.0.0.1", number, 1)
    thread = threading.Thread(target=served.run)
    thread.start()
    yield number
    served.trigger.pull_trigger(served.close)  # closed by its own thread, which ends with its last connection
    thread.join()


def silent(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("204 No Content", [])
    return []


@pytest.mark.parametrize(
    ("odd", "status"),
    [(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, 431)],
)
def test_what_is_no_request_is_logged(odd: bytes, status: int, port: int, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(odd)
        assert line.recv(100).split()[1] == str(status).encode()
    said = [record.getMessage() for record in caplog.records if record.name == "lungwise.security"]
    assert said == [f"refused {status}, not an HTTP request, from 127.0.0.1"]
