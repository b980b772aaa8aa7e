"""A mail server (RFC 5321) of our own, that keeps what it is sent."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from email.message import Message
from pathlib import Path

from lungwise.settings import Settings
from lungwise.tls import server_context

_ANSWERS = {"EHLO": "250 mail", "MAIL": "250 ok", "RSET": "250 ok", "DATA": "354 go on", "QUIT": "221 bye"}


class Inbox(socketserver.ThreadingTCPServer):
    """Takes any number of mails.

    Parameters
    ----------
    certificate
        With it STARTTLS is offered; its key lies beside it.

    Attributes
    ----------
    speaks
        Set, as it is at first, when it may say anything.
    answer
        What it says to an address.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, certificate: Path | None = None) -> None:
        self.tls = server_context(certificate, certificate and certificate.with_suffix(".key"), None)
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.sent: list[str] = []
        self.commands: list[str] = []
        self.taken = 0
        self.speaks = threading.Event()
        self.speaks.set()
        self.answer = "250 ok"

    def set_up(self, settings: Settings, **changes: object) -> Settings:
        """Give the settings with this mail server and a public address."""
        host, port = self.server_address[:2]
        mine = {"smtp_host": host, "smtp_port": port, "smtp_tls": False, "smtp_sender": "clinic@example.org"}
        return settings.model_copy(update=mine | {"public_url": "https://lungwise.example.org"} | changes)

    @property
    def mails(self) -> list[Message]:
        """What came, the oldest first."""
        return [message_from_string(text) for text in self.sent]


class _Conversation(socketserver.StreamRequestHandler):
    server: Inbox

    def handle(self) -> None:
        self.server.taken += 1
        self.server.speaks.wait()
        self._say("220 mail")
        while line := self._line():
            self.server.commands.append(line)
            verb = line[:4].upper()
            if verb == "STAR" and self.server.tls:
                if not self._begins_tls(self.server.tls):
                    return
                continue
            if verb == "EHLO" and self.server.tls:
                self._say("250-mail\r\n250 STARTTLS")
                continue
            self._say(self.server.answer if verb == "RCPT" else _ANSWERS[verb])
            if verb == "DATA":
                self.server.sent.append("\n".join(iter(self._line, ".")))
                self._say("250 kept")

    def finish(self) -> None:
        super().finish()
        self.request.close()  # with TLS it is not the socket that the server knows

    def _begins_tls(self, context: ssl.SSLContext) -> bool:
        self._say("220 begin")
        try:
            self.request = context.wrap_socket(self.request, server_side=True)
        except OSError:  # the certificate is not accepted
            return False
        self.setup()
        return True

    def _line(self) -> str:
        return self.rfile.readline().decode().rstrip("\r\n")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def inbox(certificate: Path | None = None) -> Iterator[Inbox]:
    """Run a mail server until the block ends."""
    with Inbox(certificate) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
