"""The listener over sockets."""

from __future__ import annotations

import socket

from hl7_peer import HospitalSystem, openmrs
from lungwise.hl7.listener import Listener
from lungwise.settings import Settings


def test_who_is_cut_off_finds_its_place_free_again(settings: Settings) -> None:
    one_place = settings.model_copy(update={"hl7_port": 0, "hl7_connections": 1, "hl7_kilobytes": 8})
    listener = Listener(one_place, lambda _message, _caller: b"MSA|AA")
    port = listener.start()
    try:
        for _ in range(200):
            with HospitalSystem(port) as peer:
                peer.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert peer.answer() == b""
            with HospitalSystem(port) as peer:
                peer.socket.sendall(b"\x0b" + openmrs("A08") + b"\x1c\x0d")
                assert peer.answer() == b"MSA|AA"
                peer.socket.shutdown(socket.SHUT_WR)
                assert peer.answer() == b""
    finally:
        listener.stop()
