from __future__ import annotations

from waitress.adjustments import Adjustments

from lungwise.web import server
from lungwise.web.bodies import SMALL
from lungwise.web.server import BoundedRequest


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
    request.go_on(SMALL * 2)
    assert request.body_bytes_received == 3
    request.received(b"x" * (SMALL * 2))
    assert request.completed and request.error is None
    request = begun("Transfer-Encoding: chunked")
    request.early = b"5\r\nabcde\r\n"
    request.go_on(8)
    request.received(b"5\r\nabcde\r\n")
    assert request.completed and request.error.code == 413


def test_a_request_is_late_where_its_headers_or_its_body_come_too_slowly() -> None:
    request = BoundedRequest(Adjustments())
    assert not request.is_late()
    request.begun -= server.HEADER_SECONDS + 1
    assert request.is_late()
    request.received(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {SMALL}\r\n\r\n".encode())
    request.received(b"x" * (2 * server.LEAST_BYTES_A_SECOND))
    assert not request.is_late()
    request.begun -= 2
    assert request.is_late()
