"""The frames of MLLP: each message between a vertical tab and a file separator with a carriage return."""

from __future__ import annotations

import socket
import time

START, END = b"\x0b", b"\x1c\x0d"
_BETWEEN = b"\r\n"
_PIECE = 64 << 10


class FrameError(Exception):
    """A peer breaks the framing or a limit; its connection ends."""


def framed(message: bytes) -> bytes:
    """Put a message into its frame."""
    return START + message + END


class Frames:
    """Reads the frames of one connection, each of limited size and within a limited time.

    Parameters
    ----------
    idle_seconds
        How long a peer may be silent between two messages.
    message_seconds
        How long one message may take.
    """

    def __init__(self, connection: socket.socket, most_bytes: int, idle_seconds: float, message_seconds: float) -> None:
        self._connection = connection
        self._most_bytes = most_bytes
        self._idle_seconds = idle_seconds
        self._message_seconds = message_seconds
        self._received = bytearray()

    def next(self) -> bytes | None:
        """Return the next message; None where the peer has closed the connection.

        Raises
        ------
        FrameError
            If what comes is no frame, too large or too slow.
        OSError
            If the connection fails.
        """
        if not self._begins():
            return None
        end = time.monotonic() + self._message_seconds
        searched = 0
        while (at := self._received.find(END[:1], searched)) < 0:
            searched = len(self._received)
            if searched > self._most_bytes:
                raise FrameError("its message is larger than the setting hl7_kilobytes allows")
            if not self._receive(end - time.monotonic(), "its message comes too slowly"):
                raise FrameError("it closes the connection within a message")
        message = bytes(self._received[1:at])
        del self._received[: at + 1]
        if len(message) > self._most_bytes:
            raise FrameError("its message is larger than the setting hl7_kilobytes allows")
        return message

    def _begins(self) -> bool:
        """Wait for the beginning of a frame; return False where the peer closes before."""
        while True:
            self._received = self._received.lstrip(_BETWEEN)
            if self._received:
                break
            if not self._receive(self._idle_seconds, "it is silent"):
                return False
        if not self._received.startswith(START):
            raise FrameError("what it sends is not framed as MLLP")
        return True

    def _receive(self, seconds: float, too_slow: str) -> bool:
        self._connection.settimeout(max(seconds, 0.001))
        try:
            more = self._connection.recv(_PIECE)
        except TimeoutError:
            raise FrameError(too_slow) from None
        self._received += more
        return bool(more)
