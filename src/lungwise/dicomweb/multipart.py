"""multipart/related (RFC 2387) in and out, part by part, so that no more than one part is in memory."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from werkzeug.http import parse_options_header

_CHUNK = 1 << 16
_MOST_PARTS = 2000
_LONGEST_HEAD = 1 << 14
_UNQUOTED_TYPE = re.compile(r"\btype=([\w.+*-]+/[\w.+*-]+)", re.ASCII | re.IGNORECASE)
# RFC 2046 allows a boundary 70 characters; Orthanc writes 73
_BOUNDARY = re.compile(r"[\w'()+,./:=? -]{0,199}[\w'()+,./:=?-]", re.ASCII)


class Malformed(Exception):  # noqa: N818 - an answer, not a fault
    """The body is not a multipart message, or ends too early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: its media type, and its body; None if that is larger than allowed."""

    media_type: str
    body: bytes | None


def with_quoted_type(header: str) -> str:
    """Quote the parameter `type`, as its slash demands and many clients do not."""
    return _UNQUOTED_TYPE.sub(r'type="\1"', header)


def media_type(header: str) -> tuple[str, dict[str, str]]:
    """Parse a Content-Type or an element of an Accept header: the type in lower case, and its parameters."""
    kind, parameters = parse_options_header(with_quoted_type(header))
    return kind.lower(), parameters


def boundary_of(parameters: Mapping[str, str]) -> bytes:
    """Return the boundary that a Content-Type names.

    Raises
    ------
    Malformed
        If it does not name one, or one that is not allowed.
    """
    boundary = parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise Malformed
    return boundary.encode("ascii", "replace")


def parts(read: Callable[[int], bytes], boundary: bytes, largest: int) -> Iterator[Part]:
    """Read the parts of a message; a body larger than `largest` bytes is skipped.

    Raises
    ------
    Malformed
        If it is not a message, or ends before its last boundary.
    """
    source, delimiter = _Source(read), b"\r\n--" + boundary
    if source.until(delimiter, _LONGEST_HEAD) is None:
        raise Malformed
    for _ in range(_MOST_PARTS):
        if source.at_end():
            return
        head = source.until(b"\r\n\r\n", _LONGEST_HEAD)
        if head is None:
            raise Malformed
        yield Part(media_type=_type_in(head), body=source.until(delimiter, largest))
    raise Malformed


def message(bodies: Iterable[tuple[bytes, str]], kind: str) -> tuple[Iterator[bytes], str]:
    """Write bodies of a media type as a message, each with its transfer syntax; return chunks and Content-Type."""
    boundary = uuid.uuid4().hex

    def chunks() -> Iterator[bytes]:
        for body, syntax in bodies:
            yield f"\r\n--{boundary}\r\nContent-Type: {kind}; transfer-syntax={syntax}\r\n\r\n".encode()
            yield body
        yield f"\r\n--{boundary}--\r\n".encode()

    return chunks(), f'multipart/related; type="{kind}"; boundary={boundary}'


class _Source:
    """Reads a stream from delimiter to delimiter and holds little of it."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._held = bytearray(b"\r\n")  # the first boundary may stand at the very beginning

    def until(self, delimiter: bytes, largest: int) -> bytes | None:
        """Return what precedes a delimiter and move past it; None if it is more than `largest` bytes."""
        kept, is_too_large = bytearray(), False
        while True:
            at = self._held.find(delimiter)
            end = at if at >= 0 else max(len(self._held) - len(delimiter) + 1, 0)
            is_too_large = is_too_large or len(kept) + end > largest
            if is_too_large:
                kept.clear()
            else:
                kept += self._held[:end]
            del self._held[: end + len(delimiter) if at >= 0 else end]
            if at >= 0:
                return None if is_too_large else bytes(kept)
            self._fill()

    def at_end(self) -> bool:
        """Return whether the boundary just passed was the last."""
        while len(self._held) < 2:
            self._fill()
        return self._held[:2] == b"--"

    def _fill(self) -> None:
        chunk = self._read(_CHUNK)
        if not chunk:
            raise Malformed
        self._held += chunk


def _type_in(head: bytes) -> str:
    lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n"))
    types = (value for name, _colon, value in lines if name.strip().lower() == "content-type")
    return media_type(next(types, ""))[0]
