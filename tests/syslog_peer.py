"""A syslog server that takes messages over TLS (RFC 5425), and reads each as RFC 5424 has it."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dicom_peers import make_certificate
from lungwise.audit.syslog import SyslogServer

_HEADER = re.compile(rb"(<\d{1,3}>1) (\S+) (\S+) (\S+) (\S+) (\S+) (-|\[.*\])(?: (.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Received:
    """One message: the fields of its header, and its text without the mark that says that it is UTF-8."""

    header: list[str]
    text: str


class SyslogPeer:
    """The server, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        make_certificate(folder, "audit")  # for this machine's address, and no name
        self.ca = folder / "audit.pem"
        self.received: list[Received] = []
        self.breaks_off = False
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, folder / "audit.key")
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def server(self) -> SyslogServer:
        """Return where to send, as the settings would say."""
        return SyslogServer(host="127.0.0.1", port=self.port, ca=self.ca)

    def _serve(self) -> None:
        while True:
            try:
                plain, _address = self._listener.accept()
            except OSError:
                return
            with suppress(OSError), self._context.wrap_socket(plain, server_side=True) as connection:
                if not self.breaks_off:  # a client that does not accept the certificate comes no further either
                    self._read(connection)

    def _read(self, connection: ssl.SSLSocket) -> None:
        data = bytearray()
        while part := connection.recv(65536):
            data += part
            while (found := re.match(rb"([1-9]\d*) ", data)) and len(data) >= found.end() + int(found[1]):
                end = found.end() + int(found[1])
                self.received.append(_read(bytes(data[found.end() : end])))
                del data[:end]
        assert not data
        connection.unwrap()


def _read(message: bytes) -> Received:
    found = _HEADER.fullmatch(message)
    assert found is not None, message
    header = [field.decode("ascii") for field in found.groups()[:-1]]
    return Received(header, (found[8] or b"").decode().removeprefix("\ufeff"))
