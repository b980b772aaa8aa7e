"""A database server on the network: its certificate is checked, and an own one is shown."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from lungwise.settings import Settings
from lungwise.store import Database
from lungwise.store.migrations import is_current, upgrade
from servers import MariaDb


class Secured(MariaDb):
    """A MariaDB server with a certificate, and a user who must show one."""

    def __init__(self, certificates: Path) -> None:
        self._certificates = certificates
        super().__init__()
        with pymysql.connect(unix_socket=f"{self.folder}/socket", user="root") as connection:
            connection.cursor().execute("ALTER USER 'lungwise'@'127.0.0.1' REQUIRE X509")

    def command(self) -> list[str]:
        folder = self._certificates
        own = [f"--ssl-cert={folder}/server.pem", f"--ssl-key={folder}/server.key", f"--ssl-ca={folder}/authority.pem"]
        return [*super().command(), *own]


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def _authority(folder: Path, name: str) -> None:
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    about = ["-subj", f"/CN={name}", "-days", "1", "-addext", "keyUsage=critical,keyCertSign"]
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", *about, "-keyout", key, "-out", certificate)


def _signed(folder: Path, name: str) -> None:
    request, key, names = (folder / f"{name}.{kind}" for kind in ("csr", "key", "ext"))
    names.write_text("subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n")
    about = ["-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"]
    _openssl("req", "-new", *about, "-keyout", key, "-out", request)
    by: list[str | Path] = [
        "-CA",
        folder / "authority.pem",
        "-CAkey",
        folder / "authority.key",
        "-CAcreateserial",
        "-days",
        "1",
    ]
    _openssl("x509", "-req", "-in", request, *by, "-extfile", names, "-out", folder / f"{name}.pem")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("authority", "stranger"):
        _authority(folder, name)
    for name in ("server", "client"):
        _signed(folder, name)
    return folder


@pytest.fixture(scope="module")
def server(certificates: Path) -> Iterator[MariaDb]:
    if shutil.which("mariadbd") is None:
        pytest.skip("Debian's mariadb-server is not installed")
    server = Secured(certificates)
    yield server
    server.remove()


@pytest.fixture
def secured(server: MariaDb, certificates: Path, settings: Settings) -> Settings:
    """Settings as they should be."""
    return settings.model_copy(
        update={
            "database_url": f"mysql+pymysql://lungwise:secret@{server.address}/mysql",
            "database_tls_ca": certificates / "authority.pem",
            "database_tls_certificate": certificates / "client.pem",
            "database_tls_key": certificates / "client.key",
        }
    )


def test_a_server_with_a_good_certificate_is_used_over_tls(secured: Settings) -> None:
    database = Database(secured)
    with database.engine.begin() as connection:
        assert connection.execute(text("SHOW STATUS LIKE 'Ssl_cipher'")).one()[1]
        connection.execute(text("CREATE DATABASE IF NOT EXISTS clinic"))
    database.close()
    clinic = Database(secured.model_copy(update={"database_url": secured.database_url.replace("/mysql", "/clinic")}))
    upgrade(clinic.engine)
    assert is_current(clinic.engine)
    clinic.close()


def test_an_address_that_asks_for_tls_gets_it_on_this_machine_too(server: MariaDb, settings: Settings) -> None:
    with pymysql.connect(unix_socket=f"{server.folder}/socket", user="root") as connection:
        connection.cursor().execute("CREATE USER 'beside'@'127.0.0.1' IDENTIFIED BY 'secret' REQUIRE SSL")
    address = f"mysql+pymysql://beside:secret@{server.address}/"
    plain = Database(settings.model_copy(update={"database_url": address}))
    with pytest.raises(OperationalError), plain.engine.connect():
        pass
    plain.close()
    asking = Database(settings.model_copy(update={"database_url": f"{address}?ssl_check_hostname=false"}))
    with asking.engine.connect() as connection:
        assert connection.execute(text("SHOW STATUS LIKE 'Ssl_cipher'")).one()[1]
    asking.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"database_tls_ca": "stranger.pem"},
        {"database_tls_certificate": None, "database_tls_key": None},
        {"database_tls_ca": None, "database_tls_certificate": None, "database_tls_key": None},
    ],
    ids=["the server's certificate is a stranger's", "no own certificate", "no TLS"],
)
def test_without_the_right_certificates_nothing_is_said(
    wrong: dict[str, str | None], secured: Settings, certificates: Path
) -> None:
    changes = {name: certificates / value if value else None for name, value in wrong.items()}
    database = Database(secured.model_copy(update=changes))
    with pytest.raises(OperationalError), database.engine.connect():
        pass
    database.close()
