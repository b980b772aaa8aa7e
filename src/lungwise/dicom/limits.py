"""Limits around pynetdicom's acceptor: how much memory and time a peer can take.

pynetdicom allocates whatever length a PDU announces, waits for the rest of it forever, keeps messages of any size
in memory, reads on while an object is being stored, does TLS handshakes in the one thread that accepts
connections, and lets both threads of each association look a thousand times a second whether there is something to
do. The classes here do the same work within limits.
"""

from __future__ import annotations

import logging
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import (
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_FIND_RQ,
    C_STORE_RQ,
    N_ACTION_RQ,
    N_EVENT_REPORT_RQ,
    N_EVENT_REPORT_RSP,
    DIMSEMessage,
)
from pynetdicom.dimse_primitives import C_CANCEL, C_FIND, N_EVENT_REPORT, DimsePrimitiveType, DimseServiceType
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

LARGEST_PDU = 256 << 10
"""Bytes of the largest P-DATA PDU that peers may send."""

_log = logging.getLogger("lungwise.node")
_LARGEST_PDU_READ = LARGEST_PDU + 4096
_LARGEST_COMMAND = 16 << 10
_LARGEST_REQUEST = 2 << 20
"""Bytes of what a peer asks for, or reports, beside storing."""
_LARGEST_QUERY = 64 << 10
_PENDING = (0xFF00, 0xFF01)
"""The status of each answer to a query but the last."""
_MOST_CANCELS = 10
"""Requests to cancel that one query may get."""
_SECONDS_OF_WAITING = 0.1
"""How long an association's threads sleep at most, where neither the peer nor each other wakes them."""
_CLOSING = "Sta13"
"""The state of an association that only waits for its connection to close (PS3.8, table 9-5)."""
SLOWEST_BYTES_PER_SECOND = 16 << 10
"""Of the slowest link that is served; a slower peer only occupies its association."""
MOST_WAITING = 32
"""Connections beyond the associations, which wait for a place and are then rejected with a reason."""


class LimitExceededError(Exception):
    """A peer exceeds a limit."""


class BoundedSocket(AssociationSocket):
    """Reads PDUs of limited length, each of them within a limited time."""

    is_cut_off = False
    """Whether the peer exceeded a limit: what it still sends is not read."""

    def __init__(self, association: Association, connection: socket.socket, timeout_seconds: float) -> None:
        super().__init__(association, client_socket=connection)
        self.timeout_seconds = timeout_seconds
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._wakes = threading.Lock()

    @property
    def ready(self) -> bool:
        """Whether there is something to read, for which it waits a little, or until `wake` is called."""
        connection = self.socket
        if connection is None or not self._is_connected:
            return False
        if isinstance(connection, ssl.SSLSocket) and connection.pending():  # decrypted already
            return True
        is_idle = self.event_queue.empty() and self.assoc.dul.state_machine.current_state != _CLOSING
        try:
            readable, _, _ = select.select([connection, self._woken], [], [], _SECONDS_OF_WAITING if is_idle else 0)
            if self._woken in readable:
                self._woken.recv(4096)
        except (OSError, ValueError):
            self.event_queue.put("Evt17")  # transport connection closed, as the base class says it
            return False
        return connection in readable

    def wake(self) -> None:
        """Let the thread that waits for something to read look for what is to be sent."""
        with self._wakes, suppress(OSError):  # closed, or woken so often that it will not sleep again soon
            self._waker.send(b"\0")

    def _shutdown_socket(self) -> None:
        """Close the connection, and what wakes its thread; where that dies, the garbage collector does."""
        super()._shutdown_socket()
        with self._wakes:  # or the wake-up would go to whatever has the file's number next
            self._waker.close()
            self._woken.close()

    def recv(self, nr_bytes: int) -> bytearray:
        """Read so many bytes, or fewer if the peer closes the connection.

        Raises
        ------
        OSError
            If they are more than a PDU may have, or do not arrive in time. It ends the association.
        """
        if self.is_cut_off:
            return bytearray()
        if nr_bytes > _LARGEST_PDU_READ:
            raise OSError(f"A PDU of {nr_bytes} bytes is announced.")
        connection = cast(socket.socket, self.socket)
        data = bytearray(nr_bytes)
        end, read = time.monotonic() + self.timeout_seconds, 0
        while read < nr_bytes:
            connection.settimeout(max(end - time.monotonic(), 0.001))
            with memoryview(data) as view:
                more = connection.recv_into(view[read:])
            if not more:
                break
            read += more
        connection.settimeout(self.timeout_seconds)
        return data[:read] if read < nr_bytes else data


class BoundedMessages(DIMSEServiceProvider):
    """Takes only the requests that the node answers, one at a time, of limited size and within a limited time.

    Meanwhile it may send one request of the node's own, an N-EVENT-REPORT, and takes the answer to that.
    """

    def __init__(self, assoc: Association, largest_object: int, timeout_seconds: float) -> None:
        super().__init__(assoc)
        self._largest_object = largest_object
        self._longest_seconds = timeout_seconds + largest_object / SLOWEST_BYTES_PER_SECOND
        self._unanswered = threading.Event()
        self._sending = threading.Lock()
        self._asking = threading.Lock()
        self._answer: queue.SimpleQueue[int] | None = None
        self._finds = False
        self._begin()

    def _begin(self) -> None:
        self.message = None
        self._command = self._data = 0
        self._began = time.monotonic()

    def get_msg(self, block: bool = False) -> tuple[int, DimseServiceType] | tuple[None, None]:
        """Return the next message with its context, for which it waits a little, or until `wake` is called."""
        try:
            return self.msg_queue.get(timeout=self.dimse_timeout if block else _SECONDS_OF_WAITING)
        except queue.Empty:
            return None, None

    def wake(self) -> None:
        """Let the thread that waits for a message look whether the peer ends the association."""
        self.msg_queue.put((None, None))

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Add a part to the incoming message; abort the association if it exceeds a limit."""
        try:
            self._receive(primitive)
        except Exception as error:  # hostile bytes can raise anything
            _log.warning(
                "%s is cut off: %s", peer(self.assoc), error if isinstance(error, LimitExceededError) else "no DIMSE"
            )
            self._begin()
            cast(BoundedSocket, self.dul.socket).is_cut_off = True
            self.dul.event_queue.put("Evt19")

    def _receive(self, primitive: P_DATA) -> None:
        if self._unanswered.is_set() and self._answer is None and not self._finds:
            raise LimitExceededError("it does not wait for the response")
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
        if isinstance(self.message, N_ACTION_RQ | N_EVENT_REPORT_RQ) and self._data > _LARGEST_REQUEST:
            raise LimitExceededError("its request names too many objects")
        if isinstance(self.message, C_FIND_RQ) and self._data > _LARGEST_QUERY:
            raise LimitExceededError("its query is too long")
        if self._command > _LARGEST_COMMAND or self._data > self._largest_object:
            raise LimitExceededError("its object is larger than the setting node_megabytes allows")
        if time.monotonic() - self._began > self._longest_seconds:
            raise LimitExceededError("its object comes too slowly")

    def _take(self, message: DIMSEMessage) -> None:
        if isinstance(message, N_EVENT_REPORT_RSP) and self._answer is not None:
            self._answer.put(cast(int, message.command_set.Status))
            self._answer = None
            return
        if isinstance(message, C_CANCEL_RQ):
            self._cancel(cast(C_CANCEL, message.message_to_primitive()))
            return
        if not isinstance(message, C_ECHO_RQ | C_STORE_RQ | C_FIND_RQ | N_ACTION_RQ | N_EVENT_REPORT_RQ):
            raise LimitExceededError("it asks for something else than C-ECHO, C-STORE, C-FIND and storage commitment")
        if self._unanswered.is_set():
            raise LimitExceededError("it does not wait for the response")
        request = cast(DimseServiceType, message.message_to_primitive())
        self._finds = isinstance(message, C_FIND_RQ)
        self._unanswered.set()
        self.msg_queue.put((cast(int, message.context_id), request))

    def _cancel(self, request: C_CANCEL) -> None:
        """Let a query be cancelled; one that is answered already needs it no more."""
        if len(self.cancel_req) >= _MOST_CANCELS:
            raise LimitExceededError("it cancels again and again")
        if self._finds:
            self.cancel_req[cast(int, request.MessageIDBeingRespondedTo)] = request

    def send_msg(self, primitive: DimsePrimitiveType, context_id: int) -> None:
        """Send a response; the peer may then send a request, and its idle time begins anew however long this took."""
        if not (isinstance(primitive, C_FIND) and primitive.Status in _PENDING):
            self._finds = False
            self._unanswered.clear()
        self.dul._idle_timer.restart()
        with self._sending:
            super().send_msg(primitive, context_id)

    def report(self, request: N_EVENT_REPORT, context_id: int, seconds: float) -> int | None:
        """Send a report, and return the status that the peer answers with; None if it does not answer in time.

        It is called from another thread than the association's, which goes on answering the peer's requests.
        """
        with self._asking:
            answer: queue.SimpleQueue[int] = queue.SimpleQueue()
            self._answer = answer
            with self._sending:
                super().send_msg(request, context_id)
            try:
                return answer.get(timeout=seconds)
            except queue.Empty:
                return None


class BoundedServer(ThreadedAssociationServer):
    """Accepts a limited number of connections, and does each one's TLS handshake in its own thread.

    Parameters
    ----------
    entity
        The application entity whose associations these are; its `maximum_associations` limits them.
    address
        Host and port to listen on; port 0 takes a free one.
    handlers
        What is done on events, as `AE.start_server` takes it.
    largest_object
        Bytes of the largest object that is taken.
    timeout_seconds
        How long a peer may take over one PDU, or over the TLS handshake.
    tls
        None for connections without TLS.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        entity: AE,
        address: tuple[str, int],
        handlers: list[evt.EventHandlerType],
        *,
        largest_object: int,
        timeout_seconds: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.largest_object = largest_object
        self.timeout_seconds = timeout_seconds
        self.tls = tls
        self.opening = 0
        self.lock = threading.Lock()
        contexts = entity.supported_contexts
        super().__init__(entity, address, entity.ae_title, contexts, None, handlers, _BoundedRequest)

    def verify_request(self, request: object, client_address: object) -> bool:
        """Close a connection unread if there are too many."""
        with self.lock:
            accepted = len(self.active_associations) + self.opening < self.ae.maximum_associations
            self.opening += accepted
        return accepted

    def handle_error(self, request: object, client_address: object) -> None:
        """Log in one line that a connection failed."""
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
            self.request.settimeout(self.server.timeout_seconds)
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)

    def _create_association(self) -> Association:
        association = super()._create_association()
        association.dul.event_queue.get_nowait()  # the event of the unbounded socket: connection open
        bounded = BoundedSocket(association, self.request, self.server.timeout_seconds)
        messages = BoundedMessages(association, self.server.largest_object, self.server.timeout_seconds)
        association.dul.socket, association.dimse = bounded, messages
        association.dul.to_provider_queue = _WakingQueue(bounded.wake)
        association.dul.to_user_queue = _WakingQueue(messages.wake)
        return association


class _WakingQueue(queue.Queue[Any]):
    """Wakes the thread that takes from it."""

    def __init__(self, wake: Callable[[], None]) -> None:
        super().__init__()
        self._wake = wake

    def put(self, item: object, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._wake()


def peer(association: Association) -> str:
    """Name a peer for the log, without line breaks and other control characters."""
    title = "".join(letter for letter in association.requestor.ae_title if letter.isprintable()).strip()
    return f"{title or '-'} at {association.requestor.address}"


def _host(address: object) -> str:
    return str(address[0]) if isinstance(address, tuple) else "-"
