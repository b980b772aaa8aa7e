"""Debian's servers, each on a private port of this machine, to be stopped and started at will."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pymysql


def free_port() -> int:
    """Give a port that nobody listens on, below those that connections going out take by themselves."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


class Server:
    """A server with a folder of its own."""

    name = "server"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"lungwise-{self.name}-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """Give the command that runs it."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while not self._takes_connections():
            assert self.process.poll() is None, f"{self.name} has ended"
            assert time.monotonic() < end, f"{self.name} does not come up"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it; what it keeps on disk stays."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def remove(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self.folder)

    def _takes_connections(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class MariaDb(Server):
    """A MariaDB server with a user who may do everything."""

    name = "mariadb"

    def __init__(self) -> None:
        super().__init__()
        temporary = self.folder / "temporary"  # in a common one a server that begins removes what another still needs
        temporary.mkdir()
        self._own = [
            f"--user={os.environ.get('USER', 'root')}",
            f"--datadir={self.folder}/data",
            f"--tmpdir={temporary}",
        ]
        install = ["mariadb-install-db", *self._own, "--skip-test-db", "--auth-root-authentication-method=normal"]
        done = subprocess.run(install, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        self.start()
        with (
            pymysql.connect(unix_socket=f"{self.folder}/socket", user="root") as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("CREATE USER 'lungwise'@'127.0.0.1' IDENTIFIED BY 'secret'")
            cursor.execute("GRANT ALL ON *.* TO 'lungwise'@'127.0.0.1'")

    def new_database(self) -> str:
        """Make an empty database and give its URL."""
        name = f"lungwise_{os.urandom(6).hex()}"
        with pymysql.connect(host="127.0.0.1", port=self.port, user="lungwise", password="secret") as connection:
            connection.cursor().execute(f"CREATE DATABASE {name}")
        return f"mysql+pymysql://lungwise:secret@{self.address}/{name}"

    def command(self) -> list[str]:
        return [
            "mariadbd",
            "--no-defaults",
            *self._own,
            f"--socket={self.folder}/socket",
            f"--pid-file={self.folder}/pid",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-flush-method=nosync",
            "--skip-log-bin",
        ]


class Redis(Server):
    """A Redis server that forgets everything when it stops."""

    name = "redis"

    @property
    def url(self) -> str:
        """The broker's URL."""
        return f"redis://{self.address}/0"

    def command(self) -> list[str]:
        own = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        return ["redis-server", *own, "--save", "", "--appendonly", "no"]
