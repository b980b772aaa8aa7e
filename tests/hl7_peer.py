"""Hospital systems for the tests: messages in the manner of OpenMRS and OpenEMR, read back by the other library."""

from __future__ import annotations

import socket
import ssl
from typing import Any

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
