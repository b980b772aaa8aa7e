"""The MLLP listener: connections of hospital systems, within limits of number, size and time, with TLS."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable

from lungwise.hl7.frames import FrameError, Frames, framed
from lungwise.hl7.peers import Caller
from lungwise.metrics import HL7_CUT_OFF
from lungwise.settings import Settings
from lungwise.tls import certificate_names, server_context

_log = logging.getLogger("lungwise.hl7")
_HANDSHAKE_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
_STOP_SECONDS = 10.0
_WAITING = 16
"""Connections that the system keeps until they are accepted."""


class Listener:
    """Listens, and answers each connection's messages one after the other, in a thread of its own.

    Parameters
    ----------
    settings
        Those of HL7: address, port, limits and TLS files.
    answer
        Returns the answer to a message of who has connected; called from several threads.
    """

    name = "hl7"
    port = 0
    """Where it listens; 0 until it does."""

    def __init__(self, settings: Settings, answer: Callable[[bytes, Caller], bytes]) -> None:
        self._settings = settings
        self._answer = answer
        self._tls = server_context(settings.hl7_tls_certificate, settings.hl7_tls_key, settings.hl7_tls_client_ca)
        self._places = threading.BoundedSemaphore(settings.hl7_connections)
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        """Listen, and return the port.

        Raises
        ------
        OSError
            If the port is in use.
        """
        self._socket = socket.create_server((self._settings.hl7_host, self._settings.hl7_port), backlog=_WAITING)
        self._thread = threading.Thread(target=self._accept, args=(self._socket,), name=self.name, daemon=True)
        self._thread.start()
        self.port = int(self._socket.getsockname()[1])
        return self.port

    @property
    def is_alive(self) -> bool:
        """Whether it takes connections."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Stop listening, let the answers in hand be sent, and close every connection."""
        self._stopping = True
        if self._socket is not None:
            _shut(self._socket, socket.SHUT_RDWR)
            self._socket.close()
        with self._lock:
            open_now = dict(self._open)
        for thread, connection in open_now.items():
            _shut(connection, socket.SHUT_RD)
            thread.join(_STOP_SECONDS)

    def _accept(self, listening: socket.socket) -> None:
        while not self._stopping:
            try:
                connection, address = listening.accept()
            except OSError:  # it is closed, or the peer has gone again
                continue
            host = str(address[0])
            if not self._places.acquire(blocking=False):
                self._cut_off(host, "there are as many connections as hl7_connections allows")
                connection.close()
                continue
            thread = threading.Thread(target=self._serve, args=(connection, host), name="hl7 peer", daemon=True)
            with self._lock:
                self._open[thread] = connection
            thread.start()

    def _serve(self, connection: socket.socket, host: str) -> None:
        try:
            self._talk(self._secured(connection), host)
        except FrameError as error:
            self._cut_off(host, str(error))
        except OSError as error:
            if not self._stopping:
                self._cut_off(host, error.reason if isinstance(error, ssl.SSLError) else "the connection failed")
        finally:
            with self._lock:
                still_open = self._open.pop(threading.current_thread())
            self._places.release()  # before the peer can see that it is closed, and comes again
            still_open.close()

    def _secured(self, connection: socket.socket) -> socket.socket:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.settimeout(_HANDSHAKE_SECONDS)
        if self._tls is None:
            return connection
        secured = self._tls.wrap_socket(connection, server_side=True)
        with self._lock:
            self._open[threading.current_thread()] = secured
        return secured

    def _talk(self, connection: socket.socket, host: str) -> None:
        limits, caller = self._settings, Caller(address=host, certificate=certificate_names(connection))
        frames = Frames(connection, limits.hl7_kilobytes << 10, limits.hl7_idle_seconds, limits.hl7_message_seconds)
        while not self._stopping and (message := frames.next()) is not None:
            answer = self._answer(message, caller)
            connection.settimeout(_ANSWER_SECONDS)
            connection.sendall(framed(answer))

    @staticmethod
    def _cut_off(host: str, why: str) -> None:
        _log.warning("A connection from %s is closed: %s.", host, why)
        HL7_CUT_OFF.inc()


def _shut(connection: socket.socket, how: int) -> None:
    try:
        socket.socket.shutdown(connection, how)  # an SSLSocket's own would end its encryption first
    except OSError:  # it is closed already
        return
