"""The hospital system that gets reports by HL7: one connection for each, and its acknowledgement is waited for."""

from __future__ import annotations

import socket
import ssl

from lungwise.hl7.frames import FrameError, Frames, framed
from lungwise.hl7.message import MessageError, acknowledged
from lungwise.hl7.results import Receiver, control_id, result_message, withdrawal_message
from lungwise.reports.outgoing import NotSentError, ReportMessage, Withdrawal
from lungwise.settings import Settings
from lungwise.store import Clock
from lungwise.tls import client_context

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
_MOST_BYTES = 64 << 10
_TAKEN = ("AA", "CA")
_NOT_TAKEN = ("AE", "AR", "CE", "CR")


class Hl7Results:
    """The system that the settings name for results."""

    name = "hl7"

    def __init__(self, settings: Settings, clock: Clock) -> None:
        application, facility, self._address = settings.hl7_results_receiver
        self._receiver = Receiver(application=application, facility=facility, page=settings.public_url)
        self._clock = clock
        ca = settings.hl7_results_tls_ca
        self._tls = client_context(ca, settings.hl7_tls_certificate, settings.hl7_tls_key) if ca else None

    def write(self, message: ReportMessage) -> bytes:
        """Write a report as an ORU^R01 message."""
        return result_message(message, self._receiver, self._clock())

    def write_withdrawal(self, withdrawal: Withdrawal) -> bytes:
        """Write an ORU^R01 message that withdraws a report."""
        return withdrawal_message(withdrawal, self._receiver, self._clock())

    def send(self, body: bytes, key: str) -> None:
        """Send a message; of the answer only the code counts, since its words may name a patient."""
        try:
            answer = self._exchanged(body)
        except ssl.SSLError as error:
            raise NotSentError(f"TLS fails: {error.reason or 'no reason is given'}", away=True) from None
        except (OSError, FrameError):
            raise NotSentError("the hospital system cannot be reached, or gives no answer", away=True) from None
        try:
            code, answered = acknowledged(answer)
        except MessageError:
            raise NotSentError("the hospital system's answer is no HL7 acknowledgement") from None
        if code not in _TAKEN:
            said = f"the hospital system answers {code if code.isalpha() else 'nothing'}"[:60]
            raise NotSentError(said, may_have_it=code not in _NOT_TAKEN)
        if answered != control_id(key):
            raise NotSentError("the hospital system acknowledges another message")

    def _exchanged(self, body: bytes) -> bytes:
        with (
            socket.create_connection(self._address, timeout=_CONNECT_SECONDS) as plain,
            self._secured(plain) as connection,
        ):
            connection.sendall(framed(body))
            answer = Frames(connection, _MOST_BYTES, _ANSWER_SECONDS, _ANSWER_SECONDS).next()
        if answer is None:
            raise FrameError("it closes the connection")
        return answer

    def _secured(self, plain: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(plain, server_hostname=self._address[0]) if self._tls else plain
