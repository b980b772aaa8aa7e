"""Bodies that are too large, come too slowly, or from those who may not send them, against a server of its own."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from live_server import Site, serving_site
from lungwise.access import Role
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.settings import Settings
from lungwise.store import utc_now
from lungwise.webkit.bodies import SMALL
from processes import PASSWORD, Sender

if TYPE_CHECKING:
    from collections.abc import Callable

MEGABYTE = 1 << 20
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=edge"
RELATED = 'multipart/related; type="application/dicom"; boundary=edge'


@dataclass
class Line:
    """A connection that is spoken on by hand."""

    port: int
    socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def begin(self, path: str, kind: str, length: int | None, method: str = "POST", **headers: str) -> None:
        """Send a request's headers, and none of its body; without a length it is to come in chunks."""
        size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.send(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n{size}\r\n{more}\r\n".encode())

    def answer(self) -> tuple[int, str]:
        """Read the answer until the connection is closed or the answer is whole."""
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = self.socket.recv(65536)
            assert chunk, data
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < length:
            body += self.socket.recv(65536)
        return int(head.split()[1]), body.decode()

    def is_closed(self) -> bool:
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True


@dataclass
class Server:
    site: Site
    tokens: dict[str, str]
    sender: Sender
    lines: list[Line] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.site.address.rsplit(":", 1)[1])

    def line(self) -> Line:
        self.lines.append(Line(self.port))
        return self.lines[-1]

    def hang_up(self) -> None:
        for line in self.lines:
            line.socket.close()
        self.lines.clear()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = Settings(data_folder=tmp_path_factory.mktemp("bodies"), argon2_time=1, argon2_memory=64)
    with serving_site(settings.model_copy(update={"upload_megabytes": 2})) as site:
        ada = site.enrol("Ada", role=Role.DOCTOR)
        with site.database.writing() as session:
            service = Tokens(session, utc_now, AuditTrail(session, utc_now))
            tokens = {scope.value: service.add(ada, scope.value, [scope], 30)[1] for scope in Scope}
        sender = Sender(int(site.address.rsplit(":", 1)[1]))
        sender.sign_in()
        yield Server(site, tokens, sender)
        sender.connection.close()


@pytest.fixture(autouse=True)
def hang_up(server: Server) -> Iterator[None]:
    yield
    server.hang_up()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


STRANGERS = [
    ("/sign-in", FORM, 413),
    ("/sign-in", "application/json", 413),
    ("/studies/new", MULTIPART, 302),
    ("/studies/0123456789abcdef0123/films", MULTIPART, 302),
    ("/patients", FORM, 302),
    ("/nothing", FORM, 302),
    ("/api/v1/studies", MULTIPART, 401),
    ("/api/v1/studies", "image/jpeg", 401),
    ("/api/v1/patients/search", "application/json", 401),
    ("/dicom-web/studies", RELATED, 401),
]


@pytest.mark.parametrize("length", [200 * MEGABYTE, None])
@pytest.mark.parametrize(("path", "kind", "status"), STRANGERS)
def test_a_strangers_large_body_is_answered_before_it_is_sent(
    path: str, kind: str, status: int, length: int | None, server: Server
) -> None:
    line = server.line()
    line.begin(path, kind, length)
    if length is None and status == 413:  # nobody knows yet how long it is
        line.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n" + b"10000\r\n" + b"x" * 0x10000)
    assert line.answer()[0] == status


@pytest.mark.parametrize(
    ("path", "kind", "scope", "status"),
    [
        ("/api/v1/studies", MULTIPART, "see", 403),
        ("/api/v1/studies", MULTIPART, "conclude", 403),
        ("/api/v1/studies", FORM, "upload", 415),
        ("/api/v1/studies", MULTIPART, "upload", 413),
        ("/api/v1/studies/search", "application/json", "upload", 413),
        ("/dicom-web/studies", RELATED, "see", 403),
        ("/dicom-web/studies", RELATED, "upload", 413),
        ("/dicom-web/studies", FORM, "upload", 415),
    ],
)
def test_a_token_sends_no_more_than_it_may(path: str, kind: str, scope: str, status: int, server: Server) -> None:
    line = server.line()
    line.begin(path, kind, 200 * MEGABYTE, **bearer(server.tokens[scope]))
    assert line.answer()[0] == status


def test_bounds_are_those_that_are_stated(server: Server) -> None:
    for length, status in ((SMALL + 1, 413), (SMALL, 422)):
        body = b"x" * length
        line = server.line()
        line.begin("/api/v1/studies/search", "application/json", length, **bearer(server.tokens["see"]))
        line.send(body)
        assert line.answer()[0] == status
    for length, status in ((2 * MEGABYTE + 1, 413), (2 * MEGABYTE, 422)):
        line = server.line()
        line.begin("/api/v1/studies", "image/jpeg", length, **bearer(server.tokens["upload"]))
        line.send(b"x" * length)
        assert line.answer()[0] == status


def test_a_film_in_chunks_is_taken_and_one_without_end_is_not(server: Server, film: Callable[..., bytes]) -> None:
    data = film(1)
    line = server.line()
    line.begin("/api/v1/studies", "image/jpeg", None, **bearer(server.tokens["upload"]))
    line.send(f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n")
    assert line.answer()[0] == 201
    line = server.line()
    line.begin("/api/v1/studies", "image/jpeg", None, **bearer(server.tokens["upload"]))
    sent = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for _ in range(40):
        line.send(sent)
    assert line.answer()[0] == 413


def test_who_expects_to_be_told_to_go_on_is_told_once_it_may(server: Server, film: Callable[..., bytes]) -> None:
    data = film(2) + b"\0" * SMALL
    line = server.line()
    line.begin("/api/v1/studies", "image/jpeg", len(data), Expect="100-continue", **bearer(server.tokens["upload"]))
    assert line.socket.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.send(data)
    assert line.answer()[0] == 201
    line = server.line()
    line.begin("/api/v1/studies", "image/jpeg", len(data), Expect="100-continue")
    assert line.answer()[0] == 401


def test_a_refused_body_is_read_over_so_that_the_answer_arrives(server: Server) -> None:
    line = server.line()
    line.begin("/api/v1/studies", "image/jpeg", 8 * MEGABYTE)
    line.send(b"x" * (8 * MEGABYTE))
    status, text = line.answer()
    assert (status, json.loads(text)["status"]) == (401, 401)
    assert line.is_closed()


def test_a_person_uploads_through_the_page_and_an_urlencoded_flood_is_refused(
    server: Server, film: Callable[..., bytes]
) -> None:
    sender = server.sender
    sender.send("/studies/new", sender.token("/studies/new"), film(3) + b"\0" * MEGABYTE)
    line = server.line()
    line.begin("/studies/new", FORM, 2 * MEGABYTE, Cookie=sender.cookie)
    assert line.answer()[0] == 413
    line = server.line()
    line.begin("/studies/new", MULTIPART, 3 * MEGABYTE, Cookie=sender.cookie, Accept="application/json")
    assert "too large" in json.loads(line.answer()[1])["title"]


def test_a_connection_answers_one_request_after_another(server: Server, film: Callable[..., bytes]) -> None:
    line = server.line()
    data = film(4) + b"\0" * SMALL
    for _ in range(2):
        line.begin("/api/v1/studies", "image/jpeg", len(data), **bearer(server.tokens["upload"]))
        line.send(data)
        assert line.answer()[0] == 201
        line.begin("/healthz", "text/plain", 0, "GET")
        assert line.answer()[0] == 200


def test_signing_in_takes_a_form_of_the_usual_size(server: Server) -> None:
    body = urlencode({"csrf_token": "x", "email": "ada@example.org", "password": PASSWORD, "x": "y" * 1000})
    line = server.line()
    line.begin("/sign-in", FORM, len(body))
    line.send(body.encode())
    assert line.answer()[0] == 400  # for its token alone


def test_many_half_open_connections_leave_room_for_others(server: Server) -> None:
    lines = [server.line() for _ in range(900)]
    for line in lines[::2]:
        line.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    line = server.line()  # it waits a minute for an answer: what waits for a free connection waits for several
    line.begin("/healthz", "text/plain", 0, "GET")
    assert line.answer()[0] == 200
