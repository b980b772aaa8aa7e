from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archive_peer import Archive
from dicom_peers import make_certificate
from lungwise.dicom.outgoing import Destination, Outgoing

if TYPE_CHECKING:
    from lungwise.settings import Settings


@pytest.fixture
def archive() -> Iterator[Archive]:
    archive = Archive()
    yield archive
    archive.entity.shutdown()


def test_a_destination_is_a_title_a_host_and_a_port() -> None:
    assert Destination.parse("PACS@archive.example.org:104") == Destination("PACS", "archive.example.org", 104)
    assert Destination.parse("PACS@::1:104") == Destination("PACS", "::1", 104)
    with pytest.raises(ValueError, match="AE@host:port"):
        Destination.parse("archive.example.org")


# The peer, pynetdicom in a thread here, stumbles now and then over the TLS that it is spoken to in.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_why_an_archive_cannot_be_spoken_to_is_said(settings: Settings, archive: Archive, tmp_path: Path) -> None:
    for name in ("archive", "stranger"):
        make_certificate(tmp_path, name)

    def error(destination: Destination, authority: str = "") -> str:
        own = settings.model_copy(update={"send_tls_ca": tmp_path / f"{authority}.pem" if authority else None})
        return Outgoing(own).why_away(destination)

    with tls_only(tmp_path) as destination:
        assert "certificate is not accepted (self-signed certificate" in error(destination, "stranger")
        assert error(destination).endswith("it may want TLS (setting send_tls_ca)")
        elsewhere = Destination("ARCHIVE", "localhost", destination.port)
        assert "certificate is not accepted (Hostname mismatch" in error(elsewhere, "archive")
    assert error(archive.destination, "archive").startswith("TLS with ARCHIVE fails: ")
    assert error(Destination("ARCHIVE", "127.0.0.1", 1)) == "ARCHIVE cannot be reached"


@contextmanager
def tls_only(folder: Path) -> Iterator[Destination]:
    """Run a server that does a TLS handshake and then closes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "archive.pem", folder / "archive.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _address = listener.accept()
                    with suppress(OSError), context.wrap_socket(connection, server_side=True):
                        pass
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield Destination("ARCHIVE", "127.0.0.1", listener.getsockname()[1])
