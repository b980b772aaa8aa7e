"""TLS contexts by what they let two sides agree on, without a network between them."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dicom_peers import make_certificate
from lungwise.tls import certificate_names, client_context, server_context

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificates and keys of a hospital and a stranger, both for this machine."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder, "hospital", "his.hill.example.org", "*.hill.example.org")
    make_certificate(folder, "stranger")
    return folder


def shake_hands(server: ssl.SSLContext | None, client: ssl.SSLContext, host: str = "127.0.0.1") -> str:
    """Let both sides agree, and return the version of TLS."""
    assert server is not None
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    listening = server.wrap_bio(to_server, to_client, server_side=True)
    calling = client.wrap_bio(to_client, to_server, server_hostname=host)
    left = [calling, listening]
    while left:
        for side in tuple(left):
            try:
                side.do_handshake()
                left.remove(side)
            except ssl.SSLWantReadError:
                continue
    return str(calling.version())


def files(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.pem", folder / f"{name}.key"


def test_without_a_certificate_nothing_is_served_by_tls() -> None:
    assert server_context(None, None, None) is None


def test_a_client_knows_its_server_by_authority_and_host(folder: Path) -> None:
    server = server_context(*files(folder, "hospital"), None)
    assert shake_hands(server, client_context(folder / "hospital.pem")) in ("TLSv1.2", "TLSv1.3")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, client_context(folder / "stranger.pem"))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, client_context(None))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, client_context(folder / "hospital.pem"), "127.0.0.2")


def test_a_server_with_an_authority_of_its_clients_serves_no_other(folder: Path) -> None:
    server = server_context(*files(folder, "hospital"), folder / "hospital.pem")
    ca = folder / "hospital.pem"
    assert shake_hands(server, client_context(ca, *files(folder, "hospital")))
    with pytest.raises(ssl.SSLError):
        shake_hands(server, client_context(ca))
    with pytest.raises(ssl.SSLError):
        shake_hands(server, client_context(ca, *files(folder, "stranger")))


def test_a_peer_has_the_names_of_the_certificate_that_it_proves_is_its_own(folder: Path) -> None:
    ca, own = folder / "hospital.pem", files(folder, "hospital")
    names = {"hospital", "his.hill.example.org", "*.hill.example.org"}
    assert names_of_the_peer(server_context(*own, ca), client_context(ca, *own)) == names
    assert names_of_the_peer(server_context(*own, None), client_context(ca, *own)) == set()  # nobody asks for it
    with socket.socket() as plain:
        assert certificate_names(plain) == set()


def names_of_the_peer(server: ssl.SSLContext | None, client: ssl.SSLContext) -> frozenset[str]:
    """Let both sides agree over a connection, and return what the server knows of the client."""
    assert server is not None
    listening, calling = socket.socketpair()

    def call() -> None:
        with client.wrap_socket(calling, server_hostname="127.0.0.1") as connection:
            connection.recv(1)

    caller = threading.Thread(target=call)
    caller.start()
    with server.wrap_socket(listening, server_side=True) as connection:
        names = certificate_names(connection)
        connection.sendall(b"x")
        caller.join()
    return names


def test_nothing_older_than_tls_1_2_is_spoken(folder: Path) -> None:
    contexts = (server_context(*files(folder, "hospital"), None), client_context(folder / "hospital.pem"))
    assert all(one and one.minimum_version >= ssl.TLSVersion.TLSv1_2 for one in contexts)


def test_a_file_that_holds_no_certificate_is_an_error(folder: Path) -> None:
    key, absent = folder / "hospital.key", folder / "absent.pem"
    wrong: tuple[tuple[Callable[[], object], Path], ...] = (
        (lambda: server_context(key, key, None), key),
        (lambda: server_context(folder / "hospital.pem", folder / "stranger.key", None), folder / "hospital.pem"),
        (lambda: server_context(*files(folder, "hospital"), key), key),
        (lambda: server_context(absent, key, None), absent),
        (lambda: server_context(folder / "hospital.pem", absent, None), absent),
        (lambda: client_context(absent), absent),
        (lambda: client_context(key), key),
        (lambda: client_context(None, key), key),
    )
    for make, file in wrong:
        with pytest.raises(OSError, match="PEM" if file != absent else "No such file") as told:
            make()
        assert str(told.value.filename) == str(file)
