from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lungwise.dicom.limits import LARGEST_PDU, BoundedSocket, peer


@pytest.fixture
def ends() -> Iterator[tuple[BoundedSocket, socket.socket]]:
    """A bounded socket, and the peer's end of its connection."""
    here, there = socket.socketpair()
    bounded = BoundedSocket.__new__(BoundedSocket)
    bounded.socket = here
    bounded.timeout_seconds = 0.2
    with here, there:
        yield bounded, there


def test_what_comes_in_time_is_read_whole(ends: tuple[BoundedSocket, socket.socket]) -> None:
    bounded, there = ends
    there.sendall(b"one two")
    assert bounded.recv(7) == b"one two"


def test_a_closed_connection_gives_what_came(ends: tuple[BoundedSocket, socket.socket]) -> None:
    bounded, there = ends
    there.sendall(b"one")
    there.shutdown(socket.SHUT_WR)
    assert bounded.recv(7) == b"one"


def test_a_pdu_that_is_too_long_or_too_slow_ends_the_association(ends: tuple[BoundedSocket, socket.socket]) -> None:
    bounded, there = ends
    with pytest.raises(OSError, match="announced"):
        bounded.recv(LARGEST_PDU * 2)
    there.sendall(b"one")
    with pytest.raises(TimeoutError):
        bounded.recv(7)


def test_nothing_is_read_after_a_limit_was_exceeded(ends: tuple[BoundedSocket, socket.socket]) -> None:
    bounded, there = ends
    there.sendall(b"one")
    bounded.is_cut_off = True
    assert bounded.recv(3) == b""


def test_a_title_adds_no_line_to_the_log() -> None:
    requestor = SimpleNamespace(ae_title="CR1\nnode: all is well", address="10.0.0.7")
    assert peer(cast(Any, SimpleNamespace(requestor=requestor))) == "CR1node: all is well at 10.0.0.7"
