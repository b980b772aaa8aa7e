from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_peers import make_certificate
from lungwise.outgoing.exchange import Exchange
from lungwise.reports.outgoing import NotSentError
from report_receiver import Receiver, answering, receiver


@pytest.fixture(scope="module")
def there() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def said(exchange: Exchange) -> str:
    """Post something that does not arrive, and return what is said of it."""
    with pytest.raises(NotSentError) as error:
        exchange.post(b"{}", {})
    assert error.value.away
    assert "127.0.0.1" not in str(error.value)
    return str(error.value)


def test_an_answer_is_read_as_far_as_it_was_asked_for(there: Receiver) -> None:
    there.answer = answering(200, b"12345", "Application/JSON; charset=utf-8")
    exchange = Exchange(there.url, None)
    answer = exchange.post(b"{}", {"X-Own": "1"}, most=5)
    assert (answer.status, answer.media_type, answer.body) == (200, "application/json", b"12345")
    assert exchange.post(b"{}", {}, most=4).body is None
    assert exchange.post(b"{}", {}).body == b""
    got, host = there.got[0], f"127.0.0.1:{there.server_port}"
    assert (got.path, got.headers["X-Own"], got.headers["Host"]) == ("/reports?to=us", "1", host)


def test_what_is_at_an_address_is_read_as_far_as_it_was_asked_for(there: Receiver) -> None:
    there.got.clear()
    there.answer = answering(200, b"12345", "Multipart/related; boundary=x")
    answer = Exchange(there.url, None).get({"Accept": "a/b"}, most=5)
    assert (answer.media_type, answer.content_type) == ("multipart/related", "Multipart/related; boundary=x")
    assert answer.body == b"12345"
    assert Exchange(there.url, None).get({}, most=4).body is None
    assert (there.got[0].path, there.got[0].headers["Accept"], there.got[0].body) == ("/reports?to=us", "a/b", b"")


def test_an_answer_that_breaks_off_is_none(there: Receiver) -> None:
    def break_off(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom\r\nContent-Length: 9\r\n\r\n12345")

    there.answer = break_off
    with pytest.raises(NotSentError, match="IncompleteRead"):
        Exchange(there.url, None).get({}, most=100)
    assert Exchange(there.url, None).get({}, most=4).body is None


def test_a_redirect_is_an_answer_and_is_not_followed(there: Receiver) -> None:
    there.got.clear()
    there.answer = answering(307, Location=there.url)
    answer = Exchange(there.url, None).post(b"{}", {})
    assert (answer.is_success, answer.sentence) == (False, "it answers 307, a redirect, which is not followed")
    assert len(there.got) == 1


def test_who_answers_drop_by_drop_is_given_up_in_time(there: Receiver) -> None:
    over = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not over.wait(0.05):
            request.wfile.write(b"A: b\r\n")

    there.answer = drip
    began = time.monotonic()
    assert said(Exchange(there.url, None, seconds=0.5)) == "it does not answer in time"
    assert time.monotonic() - began < 5
    over.set()


def test_who_takes_nothing_or_is_not_there_is_away(there: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(NotSentError, match="it does not answer in time"):
            Exchange(url, None, seconds=0.3).post(b"x" * (8 << 20), {})
    assert said(Exchange(url, None)) == "it cannot be reached (ConnectionRefusedError)"


def test_over_tls_only_the_right_certificate_is_spoken_to(tmp_path: Path, there: Receiver) -> None:
    for name in ("own", "stranger"):
        make_certificate(tmp_path, name)
    with receiver(tmp_path / "own.pem") as secure:
        assert Exchange(secure.url, tmp_path / "own.pem").post(b"{}", {}).status == 204
        wrong = said(Exchange(secure.url, tmp_path / "stranger.pem"))
        assert wrong == "its certificate is not accepted (self-signed certificate)"
        assert len(secure.got) == 1
    assert "TLS with it fails: " in said(Exchange(there.url.replace("http:", "https:"), None))


@pytest.mark.parametrize("leads_to", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "fd00:ec2::254"])
def test_a_name_that_leads_to_a_machines_secrets_is_not_asked(leads_to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    family = socket.AF_INET6 if ":" in leads_to else socket.AF_INET
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(family, 1, 6, "", (leads_to, 443))])
    assert said(Exchange("https://records.example.org/", None)).startswith("its name leads to a link-local address")


@given(st.binary(max_size=300))
def test_whatever_is_answered_is_an_answer_or_said_in_a_sentence(there: Receiver, answer: bytes) -> None:
    def write(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(answer)

    there.answer = write
    try:
        Exchange(there.url, None, seconds=5).post(b"{}", {}, most=100)
    except NotSentError as error:
        assert str(error)
