"""One request to one address over HTTP, bounded in time and in the size of the answer.

The address that is connected to is the one that was checked. Redirects are not followed, and no proxy is asked.
"""

from __future__ import annotations

import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from lungwise.reports.outgoing import NotSentError
from lungwise.tls import client_context

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SECONDS = 30.0
"""How long an exchange may take, from the first connection to the last byte."""
_CONNECT_SECONDS = 10.0
_AWAY = frozenset({429, 502, 503, 504})
"""What a system answers that is busy, or whose proxy does not reach it."""
_METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16"))  # beside the link-local ones
)
"""Where machines of a cloud ask for their own secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a system answered; `body` is None where it is longer than was asked for.

    `media_type` is without its parameters, `content_type` the whole header.
    """

    status: int
    media_type: str
    body: bytes | None = field(repr=False)
    content_type: str = ""

    @property
    def is_success(self) -> bool:
        """Whether it says that all went well."""
        return 200 <= self.status < 300

    @property
    def is_away(self) -> bool:
        """Whether it says that it takes nothing just now."""
        return self.status in _AWAY

    @property
    def is_rejection(self) -> bool:
        """Whether it says that it has not done what it was asked."""
        return 300 <= self.status < 500

    @property
    def sentence(self) -> str:
        """Say what it answered."""
        redirect = ", a redirect, which is not followed" if 300 <= self.status < 400 else ""
        return f"it answers {self.status}{redirect}"


class Exchange:
    """Asks one address.

    Parameters
    ----------
    url
        As the settings have it, checked there.
    authority
        File of the certificate authority of the system; without it those that the machine trusts.
    """

    def __init__(self, url: str, authority: Path | None, seconds: float = _SECONDS) -> None:
        self._url = urlsplit(url)
        self._authority = authority
        self._seconds = seconds

    def post(self, body: bytes, headers: Mapping[str, str], most: int = 0) -> Answer:
        """Post a body, and read so many bytes of the answer at most.

        Raises
        ------
        NotSentError
            If nobody answers in time, or not as HTTP says.
        """
        return self._ask("POST", body, headers, most)

    def get(self, headers: Mapping[str, str], most: int) -> Answer:
        """Get what is at the address, so many bytes at most.

        Raises
        ------
        NotSentError
            If nobody answers in time, or not as HTTP says.
        """
        return self._ask("GET", None, headers, most)

    def _ask(self, method: str, body: bytes | None, headers: Mapping[str, str], most: int) -> Answer:
        end = time.monotonic() + self._seconds
        try:
            with closing(self._connected(end)) as connected:
                return self._answer(_TimedSocket(connected, end), method, body, headers, most)
        except TimeoutError as error:
            raise NotSentError("it does not answer in time", away=True) from error
        except ssl.SSLCertVerificationError as error:
            raise NotSentError(f"its certificate is not accepted ({error.verify_message})", away=True) from error
        except ssl.SSLError as error:
            reason = (error.reason or "no reason is given").replace("_", " ").lower()
            raise NotSentError(f"TLS with it fails: {reason}", away=True) from error
        except HTTPException as error:
            raise NotSentError(f"it does not answer as HTTP says ({type(error).__name__})", away=True) from error
        except OSError as error:
            if error.filename:  # the authority's, of our own settings
                raise NotSentError(f"{error.filename} cannot be used: {error.strerror}", away=True) from error
            raise NotSentError(f"it cannot be reached ({type(error).__name__})", away=True) from error

    def _answer(
        self, connected: _TimedSocket, method: str, body: bytes | None, headers: Mapping[str, str], most: int
    ) -> Answer:
        connection = HTTPConnection(self._url.netloc)
        connection.sock = connected
        always = {"Host": self._url.netloc, "User-Agent": "Lungwise", "Connection": "close"}
        connection.request(method, self._target, body, {**always, **headers})
        return _read(connection.getresponse(), most)

    @property
    def _target(self) -> str:
        query = f"?{self._url.query}" if self._url.query else ""
        return (self._url.path or "/") + query

    def _connected(self, end: float) -> socket.socket:
        """Connect to the first of the host's addresses that answers."""
        failed: OSError = OSError("it has no address")
        for family, address in _addresses(self._url):
            plain = socket.socket(family, socket.SOCK_STREAM)
            try:
                plain.settimeout(min(_CONNECT_SECONDS, _left(end)))
                plain.connect(address)
                return self._secured(plain, end)
            except OSError as error:
                plain.close()
                failed = error
        raise failed

    def _secured(self, plain: socket.socket, end: float) -> socket.socket:
        if self._url.scheme.lower() != "https":
            return plain
        context = client_context(self._authority)
        plain.settimeout(_left(end))
        return context.wrap_socket(plain, server_hostname=self._url.hostname)


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme.lower() == "https" else 80)


def _addresses(url: SplitResult) -> Iterator[tuple[socket.AddressFamily, tuple[str, int]]]:
    """Yield where a host is; not where a name leads to a machine's own secrets, unless the settings say that address.

    Raises
    ------
    NotSentError
        If its name leads there.
    """
    host = str(url.hostname)
    for family, _, _, _, found in socket.getaddrinfo(host, _port(url), type=socket.SOCK_STREAM):
        address = ipaddress.ip_address(str(found[0]).partition("%")[0])
        if str(found[0]) != host and _is_forbidden(address):
            raise NotSentError("its name leads to a link-local address, where nothing is sent", away=True)
        yield family, found  # type: ignore[misc]  # with IPv6 it is longer


def _is_forbidden(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    return any(one.is_link_local or one in _METADATA for one in (address, mapped or address))


def _read(response: HTTPResponse, most: int) -> Answer:
    found = response.read(most + 1) if most else b""
    if most and len(found) <= most and response.length:  # http.client says so only where all is read at once
        raise IncompleteRead(found, response.length)
    content_type = response.getheader("Content-Type") or ""
    return Answer(
        status=response.status,
        media_type=content_type.partition(";")[0].strip().lower(),
        body=found if len(found) <= most else None,
        content_type=content_type,
    )


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _TimedSocket:
    """A connected socket, as http.client uses it; all that is sent and read together ends at a moment."""

    def __init__(self, connected: socket.socket, end: float) -> None:
        self._connected = connected
        self._end = end

    def sendall(self, data: bytes) -> None:
        """Send it all, or be out of time."""
        left = memoryview(data)
        while left:
            self._connected.settimeout(_left(self._end))
            left = left[self._connected.send(left) :]

    def makefile(self, *_: object) -> io.BufferedReader:
        """Return what reads from it."""
        return io.BufferedReader(_TimedReader(self._connected, self._end))

    def close(self) -> None:
        """Leave it open: the answer is still to be read."""


class _TimedReader(io.RawIOBase):
    def __init__(self, connected: socket.socket, end: float) -> None:
        self._connected = connected
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._connected.settimeout(_left(self._end))
        return self._connected.recv_into(buffer)
