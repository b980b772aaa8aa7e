"""Syslog over TLS: messages of RFC 5424, framed as RFC 5425 says."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lungwise.tls import client_context

_PRIORITY = 10 * 8 + 5
"""Facility security/authorization, severity notice: as IHE's ATNA profile has it."""
_MESSAGE_ID = "IHE+RFC-3881"
_MARK = "\ufeff"
"""Begins a message in UTF-8 (RFC 5424, 6.4)."""
_SECONDS = 15
_NOT_PRINTED = re.compile(r"[^!-~]")


class SyslogError(Exception):
    """A server did not take messages; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogServer:
    """Where messages go. The certificate of the server must come from `ca`, and be of its host."""

    host: str
    port: int
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def send(self, messages: Iterable[bytes]) -> None:
        """Send messages over one connection, and return once the server has read them all.

        Syslog acknowledges nothing. But the server closes its side of TLS only after it has read everything before
        the end of ours: what it has not closed counts as not sent, and is sent again.

        Raises
        ------
        SyslogError
            If it cannot be reached, is not who it should be, or does not read to the end.
        """
        try:
            context = client_context(self.ca, self.certificate, self.key)
            plain = socket.create_connection((self.host, self.port), _SECONDS)
            with context.wrap_socket(plain, server_hostname=self.host) as secure:  # which closes it if that fails
                for message in messages:
                    secure.sendall(b"%d %s" % (len(message), message))
                _end(secure)
        except ssl.SSLCertVerificationError as error:
            raise SyslogError(f"its certificate is not accepted ({error.verify_message})") from error
        except OSError as error:
            raise SyslogError(error.strerror or str(error) or type(error).__name__) from error


def _end(secure: ssl.SSLSocket) -> None:
    """End our side, and wait until the server ends its own."""
    try:
        secure.unwrap()
    except ssl.SSLEOFError:  # it has read our end, and closes the connection without ending TLS
        return


def syslog_message(at: datetime, host: str, text: str) -> bytes:
    """Write one message."""
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    name = _NOT_PRINTED.sub("-", host)[:255] or "-"
    return f"<{_PRIORITY}>1 {stamp} {name} lungwise {os.getpid()} {_MESSAGE_ID} - {_MARK}{text}".encode()
