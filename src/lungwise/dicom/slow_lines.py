"""Associations that begin here, over slow lines: an answer has its time from when the last bytes moved.

pynetdicom queues a whole object and counts the time of its answer from then on, and an object that comes must be there
as a whole in that time. Over a slow line, none that takes longer would ever arrive.
"""

from __future__ import annotations

import queue
import socket
import time
from typing import cast

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import DimseServiceType
from pynetdicom.transport import AssociationSocket

from lungwise.dicom.limits import SLOWEST_BYTES_PER_SECOND

_LARGEST_SENT = 64 << 10
"""Bytes of the largest PDU that is sent, whatever the peer takes: each shows that the object goes on."""
_SEND_BUFFER = 256 << 10
"""Bytes that the system may keep of what counts as sent."""


class SlowLineProvider(DIMSEServiceProvider):
    """Waits for a message while bytes move, either way, no more slowly than over the slowest line that is served."""

    def __init__(self, assoc: Association) -> None:
        super().__init__(assoc)
        self._moved_at = time.monotonic()
        self._moved = 0

    @property
    def maximum_pdu_size(self) -> int:
        """The length of the PDUs that an object is sent in; 0 of a peer means any."""
        return min(super().maximum_pdu_size or _LARGEST_SENT, _LARGEST_SENT)

    def note(self, count: int) -> None:
        """Note that so many bytes were sent or have come."""
        self._moved += count
        self._moved_at = time.monotonic()

    def get_msg(self, block: bool = False) -> tuple[int, DimseServiceType] | tuple[None, None]:
        """Return the next message with its context; nothing where there is none in time."""
        if not block or self.dimse_timeout is None:
            return super().get_msg(block)
        began, before = time.monotonic(), self._moved
        self._moved_at = began
        while True:
            longest = began + (self._moved - before) / SLOWEST_BYTES_PER_SECOND
            left = min(self._moved_at, longest) + self.dimse_timeout - time.monotonic()
            if left <= 0:
                return None, None
            try:
                return self.msg_queue.get(timeout=left)
            except queue.Empty:
                continue


def _set_up(event: evt.Event) -> None:
    association = event.assoc
    association.dimse = SlowLineProvider(association)
    connection = cast(socket.socket, cast(AssociationSocket, association.dul.socket).socket)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    connection.settimeout(association.network_timeout)  # or a peer that takes nothing more would stop us for good


def _note(event: evt.Event) -> None:
    cast(SlowLineProvider, event.assoc.dimse).note(len(event.data))


SLOW_LINES: list[evt.EventHandlerType] = [
    (evt.EVT_CONN_OPEN, _set_up),
    (evt.EVT_DATA_SENT, _note),
    (evt.EVT_DATA_RECV, _note),
]
"""What is done on the events of an association that begins here."""
