from __future__ import annotations

import queue
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pynetdicom.association import Association

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


@pytest.fixture
def connected() -> Iterator[tuple[BoundedSocket, SimpleNamespace, socket.socket]]:
    """A connection, what pynetdicom knows of its association, and the peer's end."""
    ours, theirs = socket.socketpair()
    provider = SimpleNamespace(event_queue=queue.Queue(), state_machine=SimpleNamespace(current_state="Sta6"))
    bounded = BoundedSocket(cast(Association, SimpleNamespace(dul=provider)), ours, 5)
    yield bounded, provider, theirs
    bounded._shutdown_socket()
    theirs.close()


def test_a_thread_sleeps_only_where_nothing_is_left_to_do(
    connected: tuple[BoundedSocket, SimpleNamespace, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    bounded, provider, _peer = connected
    slept: list[float] = []

    def select(*given: Any) -> tuple[list[Any], list[Any], list[Any]]:
        slept.append(given[3])
        return [], [], []

    monkeypatch.setattr("select.select", select)
    assert not bounded.ready  # that it is connected is not looked at yet
    provider.event_queue.get()
    assert not bounded.ready
    provider.state_machine.current_state = "Sta13"
    assert not bounded.ready
    assert slept[0] == slept[2] == 0 < slept[1]


def test_it_is_ready_when_the_peer_sends_and_not_when_it_is_woken(
    connected: tuple[BoundedSocket, SimpleNamespace, socket.socket],
) -> None:
    bounded, provider, peer = connected
    provider.event_queue.get()
    bounded.wake()
    assert not bounded.ready
    peer.sendall(b"film")
    assert bounded.ready
    bounded._shutdown_socket()
    bounded.wake()
    assert not bounded.ready
    assert provider.event_queue.get_nowait() == "Evt17"
