"""Hospital systems for the tests: messages in the manner of OpenMRS and OpenEMR, read back by the other library."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hl7apy.core import Message
from hl7apy.mllp import AbstractHandler, MLLPServer
from hl7apy.parser import parse_message

PEERS = "OPENMRS@HILL=Hill, OpenEMR@=Hill"


def openmrs(
    event: str, *segments: str, control: str = "1", code: str = "ADT", version: str = "2.5", sent: str = "20260302"
) -> bytes:
    """A message as OpenMRS frames its own, in UTF-8."""
    head = f"MSH|^~\\&|OPENMRS|HILL|LUNGWISE|HILL|{sent}||{code}^{event}|{control}|P|{version}||||||UNICODE UTF-8"
    return "\r".join((head, f"EVN|{event}|{sent}", *segments, "")).encode()


def openemr(event: str, *segments: str, control: str = "1", code: str = "ORM") -> bytes:
    """A message as OpenEMR writes its own: version 2.3, no facility, Latin letters, a line feed after each segment."""
    head = f"MSH|^~\\&|OpenEMR||LUNGWISE||20260302||{code}^{event}|{control}|P|2.3||||||8859/1"
    return "\r\n".join((head, *segments, "")).encode("latin-1")


def pid(
    identifier: str = "100-8",
    name: str = "Kamau^Grace^Wanjiru",
    born: str = "19810325",
    sex: str = "F",
    issuer: str = "OpenMRS ID",
) -> str:
    """A PID segment."""
    return f"PID|1||{identifier}^^^{issuer}||{name}||{born}|{sex}"


def mrg(identifier: str, name: str = "", issuer: str = "OpenMRS ID") -> str:
    """An MRG segment."""
    return f"MRG|{identifier}^^^{issuer}||||||{name}"


class HospitalSystem:
    """A connection to a listener that sends one message after the other."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")

    def send(self, message: bytes) -> Any:
        """Send a message and give the acknowledgement, as the other library understands it."""
        self.socket.sendall(b"\x0b" + message + b"\x1c\x0d")
        answer = self.answer().decode()
        return parse_message(answer, force_validation="^ACK|" in answer)  # where it names the structure to hold it to

    def said(self, message: bytes) -> tuple[str, str]:
        """Send a message, and give the code and the sentence of its acknowledgement."""
        msa = self.send(message).msa
        return msa.msa_1.value, msa.msa_3.value if msa.msa_3 else ""

    def answer(self) -> bytes:
        """Read one frame; nothing where the listener has closed."""
        data = b""
        while not data.endswith(b"\x1c\x0d"):
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                return b""
            if not more:
                return b""
            data += more
        return data[1:-2]

    def __enter__(self) -> HospitalSystem:
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()


@dataclass
class ResultTaker:
    """The other library's server, which takes results: what it took, what it does then, and how it answers."""

    server: MLLPServer
    got: list[str] = field(default_factory=list)
    code: str = "AA"
    takes: Callable[[], object] = lambda: None

    @property
    def to(self) -> str:
        """The setting by which results come here."""
        host, port = self.server.server_address
        return f"OPENMRS@HILL={host}:{port}"


@contextmanager
def taking_results() -> Iterator[ResultTaker]:
    """Take results while the block runs."""

    class Taking(AbstractHandler):  # type: ignore[misc]  # the library has no types
        def reply(self) -> str:
            there.got.append(self.incoming_message)
            there.takes()
            asked = parse_message(self.incoming_message)
            answer = Message("ACK", version="2.5")
            answer.msh.msh_9, answer.msh.msh_10 = "ACK^R01^ACK", "1"
            answer.msa.msa_1, answer.msa.msa_2 = there.code, asked.msh.msh_10.value
            return str(answer.to_mllp())

    server = MLLPServer("127.0.0.1", 0, {"ORU^R01^ORU_R01": (Taking,)})
    there = ResultTaker(server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield there
    server.shutdown()
    server.server_close()
    thread.join()
