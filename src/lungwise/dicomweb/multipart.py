"""multipart/related (RFC 2387) in and out, part by part, so that no more than one part is in memory."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email.message import Message

_CHUNK = 1 << 16
_MOST_PARTS = 2000
_MOST_HEAD = 1 << 14
_LONGEST_HEADER = 1024
_BOUNDARY = re.compile(r"[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]", re.ASCII)


class Malformed(Exception):  # noqa: N818 - an answer, not a fault
    """The body is no multipart message, or ends too early."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its media type, and its body, none where that is larger than any may be."""

    media_type: str
    body: bytes | None


def media_type(header: str) -> tuple[str, dict[str, str]]:
    """Take a Content-Type or one element of an Accept header apart: the type in small letters, and its parameters."""
    message = Message()
    message["Content-Type"] = header[:_LONGEST_HEADER]
    pairs = message.get_params(failobj=[], header="Content-Type") or []
    parameters = {str(name).lower(): str(value) for name, value in pairs[1:]}
    return (str(pairs[0][0]).strip().lower() if pairs else ""), parameters


def boundary_of(parameters: dict[str, str]) -> bytes:
    """Give the boundary that a Content-Type names.

    Raises
    ------
    Malformed
        If it names none that is allowed.
    """
    boundary = parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise Malformed
    return boundary.encode("ascii", "replace")


def parts(read: Callable[[int], bytes], boundary: bytes, most: int) -> Iterator[Part]:
    """Read the parts of a message; a body larger than `most` bytes is read over and dropped.

    Raises
    ------
    Malformed
        If the message is none, or ends before its last boundary.
    """
    source, delimiter = _Source(read), b"\r\n--" + boundary
    if source.until(delimiter, _MOST_HEAD) is None:
        raise Malformed
    for _ in range(_MOST_PARTS):
        if source.at_end():
            return
        head = source.until(b"\r\n\r\n", _MOST_HEAD)
        if head is None:
            raise Malformed
        yield Part(_type_in(head), source.until(delimiter, most))
    raise Malformed


def message(bodies: Iterable[bytes], kind: str) -> tuple[Iterator[bytes], str]:
    """Write bodies of one media type as a message; gives its chunks and its Content-Type."""
    boundary = uuid.uuid4().hex

    def chunks() -> Iterator[bytes]:
        for body in bodies:
            yield f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode()
            yield body
        yield f"\r\n--{boundary}--\r\n".encode()

    return chunks(), f'multipart/related; type="{kind}"; boundary={boundary}'


class _Source:
    """A stream that is read up to marks, holding little of it."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._held = bytearray(b"\r\n")  # the first boundary may stand at the very beginning

    def until(self, mark: bytes, most: int) -> bytes | None:
        """Give what stands before a mark and move behind it; none where it is more than `most` bytes."""
        kept, too_much = bytearray(), False
        while True:
            at = self._held.find(mark)
            end = at if at >= 0 else max(len(self._held) - len(mark) + 1, 0)
            too_much = too_much or len(kept) + end > most
            if too_much:
                kept.clear()
            else:
                kept += self._held[:end]
            del self._held[: end + len(mark) if at >= 0 else end]
            if at >= 0:
                return None if too_much else bytes(kept)
            self._fill()

    def at_end(self) -> bool:
        """Say whether the boundary just passed was the last."""
        while len(self._held) < 2:
            self._fill()
        return self._held[:2] == b"--"

    def _fill(self) -> None:
        chunk = self._read(_CHUNK)
        if not chunk:
            raise Malformed
        self._held += chunk


def _type_in(head: bytes) -> str:
    for line in head.decode("latin-1").split("\r\n"):
        name, _colon, value = line.partition(":")
        if name.strip().lower() == "content-type":
            return media_type(value.strip())[0]
    return ""
