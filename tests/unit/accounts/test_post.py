from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from lungwise.accounts.post import Post
from servers import free_port

if TYPE_CHECKING:
    from lungwise.settings import Settings

ANSWERS = {"EHLO": "250 mail", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", "QUIT": "221 bye"}


class Mailbox(socketserver.TCPServer):
    """A mail server (RFC 5321) that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.lines: list[str] = []


class _Conversation(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        in_message = False
        self._say("220 mail")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            self.server.lines.append(line)
            if in_message:
                self._message()
                self._say("250 kept")
                in_message = False
                continue
            verb = line[:4].upper()
            in_message = verb == "DATA"
            self._say(ANSWERS[verb])

    def _message(self) -> None:
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            self.server.lines.append(line)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield server
        thread.join(30)


def test_a_message_goes_to_the_mail_server(settings: Settings) -> None:
    with mailbox() as server:
        host, port = server.server_address[:2]
        by_mail = settings.model_copy(
            update={"smtp_host": host, "smtp_port": port, "smtp_tls": False, "smtp_sender": "clinic@example.org"}
        )
        Post(by_mail).send("ada@example.org", "Your invitation", "Open this link")
    assert "mail FROM:<clinic@example.org>" in " ".join(server.lines)
    assert "rcpt TO:<ada@example.org>" in " ".join(server.lines)
    assert {"Subject: Your invitation", "To: ada@example.org", "Open this link"} <= set(server.lines)


def test_without_a_mail_server_a_message_is_printed_to_the_log(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    Post(settings).send("ada@example.org", "Your invitation", "Open this link")
    assert "ada@example.org" in caplog.text
    assert "Open this link" in caplog.text


def test_a_mail_server_that_is_away_or_knows_no_tls_fails_no_request(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    away = settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": free_port()})
    Post(away).send("ada@example.org", "Your invitation", "Open this link")
    with mailbox() as server:
        plain = away.model_copy(update={"smtp_port": server.server_address[1]})
        Post(plain).send("ada@example.org", "Your invitation", "Open this link")
    assert caplog.text.count("did not take a message") == 2
    assert "ada@example.org" not in caplog.text
    assert not any("ada@example.org" in line for line in server.lines)
