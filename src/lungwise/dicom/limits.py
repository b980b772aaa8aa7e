"""Bounds around pynetdicom's acceptor: what a peer may make this process hold, and for how long.

pynetdicom reserves whatever length a PDU claims, waits for the rest of it for ever, keeps a message
of any size in memory, reads on while an object is being kept, and shakes hands over TLS in the one
thread that accepts connections. The classes here do the same work with an end to each.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from typing import cast

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ, DIMSEMessage
from pynetdicom.dimse_primitives import DimsePrimitiveType, DimseServiceType
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

LARGEST_PDU = 256 << 10
"""Bytes of a P-DATA PDU that peers are told to send at most."""

_log = logging.getLogger("lungwise.node")
_LONGEST_PDU = LARGEST_PDU + 4096
_LONGEST_COMMAND = 16 << 10
_SLOWEST = 16 << 10
"""Bytes a second of the slowest link; a peer that drips slower holds its association for nothing."""
_WAITING = 16
"""Connections beyond the associations: those that are about to be rejected with a reason."""


class LimitExceededError(Exception):
    """A peer goes beyond a bound."""


class BoundedSocket(AssociationSocket):
    """Reads PDUs of bounded length, each whole within a bounded time."""

    patience: float
    done = False
    """Whether the peer has broken a bound: what it still sends is not read."""

    def recv(self, nr_bytes: int) -> bytearray:
        """Read so many bytes, or fewer where the peer closes.

        Raises
        ------
        OSError
            If they are more than a PDU may have, or do not come in time. It ends the association.
        """
        if self.done:
            return bytearray()
        if nr_bytes > _LONGEST_PDU:
            raise OSError(f"A PDU of {nr_bytes} bytes is announced.")
        connection = cast(socket.socket, self.socket)
        data = bytearray(nr_bytes)
        end, read = time.monotonic() + self.patience, 0
        while read < nr_bytes:
            connection.settimeout(max(end - time.monotonic(), 0.001))
            with memoryview(data) as view:
                more = connection.recv_into(view[read:])
            if not more:
                break
            read += more
        connection.settimeout(self.patience)
        return data[:read] if read < nr_bytes else data


class BoundedMessages(DIMSEServiceProvider):
    """Takes one request at a time, of bounded size and in a bounded time, and nothing but C-ECHO and C-STORE."""

    def __init__(self, assoc: Association, most: int, patience: float) -> None:
        super().__init__(assoc)
        self._most = most
        self._longest = patience + most / _SLOWEST
        self._unanswered = threading.Event()
        self._begin()

    def _begin(self) -> None:
        self.message = None
        self._command = self._data = 0
        self._began = time.monotonic()

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Add a part to the message that comes in; where it breaks a bound, abort the association."""
        try:
            self._receive(primitive)
        except Exception as error:  # hostile bytes raise anything; whatever it is, this peer is done
            _log.warning(
                "%s is cut off: %s", peer(self.assoc), error if isinstance(error, LimitExceededError) else "no DIMSE"
            )
            self._begin()
            cast(BoundedSocket, self.dul.socket).done = True
            self.dul.event_queue.put("Evt19")

    def _receive(self, primitive: P_DATA) -> None:
        if self._unanswered.is_set():
            raise LimitExceededError("it does not wait for an answer")
        if self.message is None:
            self._begin()
            self.message = DIMSEMessage()
        self._measure(primitive)
        if self.message.decode_msg(primitive, self.assoc):
            self._take(self.message)
            self._begin()

    def _measure(self, primitive: P_DATA) -> None:
        for _context, part in primitive.presentation_data_value_list:
            if part[0] & 1:
                self._command += len(part)
            else:
                self._data += len(part)
        if self._command > _LONGEST_COMMAND or self._data > self._most:
            raise LimitExceededError("its object is larger than the setting node_megabytes allows")
        if time.monotonic() - self._began > self._longest:
            raise LimitExceededError("its object comes too slowly")

    def _take(self, message: DIMSEMessage) -> None:
        if not isinstance(message, C_ECHO_RQ | C_STORE_RQ):
            raise LimitExceededError("it asks for something else than C-ECHO and C-STORE")
        request = cast(DimseServiceType, message.message_to_primitive())
        self._unanswered.set()
        self.msg_queue.put((cast(int, message.context_id), request))

    def send_msg(self, primitive: DimsePrimitiveType, context_id: int) -> None:
        """Send an answer; the peer may ask again, and has its whole time for it however long the answer took."""
        self._unanswered.clear()
        self.dul._idle_timer.restart()
        super().send_msg(primitive, context_id)


class BoundedServer(ThreadedAssociationServer):
    """Accepts a bounded number of connections and shakes hands with each in its own thread."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        entity: AE,
        address: tuple[str, int],
        handlers: list[evt.EventHandlerType],
        *,
        most: int,
        patience: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.most = most
        self.patience = patience
        self.tls = tls
        self.opening = 0
        self.lock = threading.Lock()
        contexts = entity.supported_contexts
        super().__init__(entity, address, entity.ae_title, contexts, None, handlers, _BoundedRequest)

    def verify_request(self, request: object, client_address: object) -> bool:
        """Close a connection unseen where there are too many."""
        with self.lock:
            room = len(self.active_associations) + self.opening < self.ae.maximum_associations + _WAITING
            self.opening += room
        return room

    def handle_error(self, request: object, client_address: object) -> None:
        """Say that a connection failed, in one line."""
        _log.warning("A connection from %s failed before any association.", _host(client_address))

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: tuple[str, int] | str
    ) -> None:
        """Open a connection in its own thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.lock:
                self.opening -= 1


class _BoundedRequest(RequestHandler):
    server: BoundedServer

    def setup(self) -> None:
        if self.server.tls is not None:
            self.request.settimeout(self.server.patience)
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)

    def _create_association(self) -> Association:
        association = super()._create_association()
        association.dul.event_queue.get_nowait()  # the unbounded socket's own word that a connection is open
        bounded = BoundedSocket(association, client_socket=self.request)
        bounded.patience = self.server.patience
        association.dul.socket = bounded
        association.dimse = BoundedMessages(association, self.server.most, self.server.patience)
        return association


def peer(association: Association) -> str:
    """Name a peer for the log; its title cannot begin a line of its own there."""
    title = "".join(letter for letter in association.requestor.ae_title if letter.isprintable()).strip()
    return f"{title or '-'} at {association.requestor.address}"


def _host(address: object) -> str:
    return str(address[0]) if isinstance(address, tuple) else "-"
