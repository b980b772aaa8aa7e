"""A MariaDB server of one's own: on a free port of 127.0.0.1, in a folder that goes with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql


@contextmanager
def mariadb_server() -> Iterator[str]:
    """Start Debian's server and give its address; the user lungwise may do everything, with the password secret."""
    folder = Path(tempfile.mkdtemp(prefix="lungwise-mariadb-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = f"--datadir={folder}/data"
    own = f"--user={os.environ.get('USER', 'root')}"
    subprocess.run(
        [
            "mariadb-install-db",
            data,
            own,
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ],
        check=True,
        capture_output=True,
    )
    server = subprocess.Popen(
        [
            "mariadbd",
            "--no-defaults",
            own,
            data,
            f"--socket={folder}/socket",
            f"--pid-file={folder}/pid",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-flush-method=nosync",
            "--skip-log-bin",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_it_answers(f"{folder}/socket")
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(60)
        shutil.rmtree(folder)


def _until_it_answers(path: str) -> None:
    end = time.monotonic() + 60
    while not _takes_connections(path):
        if time.monotonic() > end:
            raise TimeoutError("the MariaDB server does not come up")
        time.sleep(0.05)
    connection = pymysql.connect(unix_socket=path, user="root")
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER 'lungwise'@'127.0.0.1' IDENTIFIED BY 'secret'")
        cursor.execute("GRANT ALL ON *.* TO 'lungwise'@'127.0.0.1'")


def _takes_connections(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0
