"""DICOM peers for the tests: the node as a process, Debian's tools, and one that writes its own bytes."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from forked import Process, start
from lungwise.accounts.service import Accounts
from lungwise.audit.service import AuditTrail
from lungwise.settings import Settings
from lungwise.store import Database, utc_now
from lungwise.studies.models import Job, JobState
from processes import SYNTHETIC

CR, DX, CT = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


def until(true: Callable[[], bool], seconds: float = 240) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


@dataclass
class NodeProcess:
    """`lungwise node` as a process."""

    settings: Settings
    database: Database
    process: Process
    port: int

    def run(self, tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one of dcmtk's tools against the node."""
        command = [tool, "-aec", "LUNGWISE", "127.0.0.1", str(self.port), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=240)

    def until_read(self) -> None:
        """Wait until no film waits."""

        def all_read() -> bool:
            with self.database.reading() as session:
                left = select(func.count()).select_from(Job).where(Job.state.in_([JobState.QUEUED, JobState.RUNNING]))
                return session.scalar(left) == 0

        until(all_read)


@contextmanager
def running_node(settings: Settings, command: Sequence[str] = SYNTHETIC, **more: str) -> Iterator[NodeProcess]:
    """Run the node of the clinic Hill over an installation, on a free port."""
    database = Database(settings)
    with database.writing() as session:
        Accounts(session, utc_now, settings, AuditTrail(session, utc_now)).clinic("Hill")
    environment = os.environ | {
        "LUNGWISE_DATA_FOLDER": str(settings.data_folder),
        "LUNGWISE_DATABASE_URL": settings.database_url,
        "LUNGWISE_NODE_PORT": "0",
        "PYTHONUNBUFFERED": "1",
        **more,
    }
    log = settings.data_folder / "node.log"
    with log.open("w") as errors:
        process = start([*command, "node"], environment, errors.fileno())
    assert process.stdout is not None
    try:
        says = process.stdout.readline()
        assert "takes films at" in says, log.read_text()
        yield NodeProcess(settings, database, process, int(says.rsplit(":", 1)[1]))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        database.close()


def make_certificate(folder: Path, name: str, *dns_names: str) -> None:
    """Make NAME.key and NAME.pem, for this machine's address and other names."""
    key, certificate = str(folder / f"{name}.key"), str(folder / f"{name}.pem")
    also = ",".join(["IP:127.0.0.1", *(f"DNS:{one}" for one in dns_names)])
    names = ["-subj", f"/O=Hospitals/CN={name}", "-addext", f"subjectAltName={also}"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=120)


class RawPeer:
    """A peer that writes whatever bytes it is told to."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)

    def associate(self, *classes: str, called: str = "LUNGWISE", calling: str = "RAW") -> bytes:
        """Ask for an association and give the answer's PDU."""
        self.socket.sendall(association_request(*(classes or (DX,)), called=called, calling=calling))
        return self.answer()

    def answer(self) -> bytes:
        """Read one PDU; nothing where the node has closed."""
        try:
            head = self._exactly(6)
            return head + self._exactly(int.from_bytes(head[2:6], "big"))
        except (EOFError, ConnectionError):
            return b""

    def is_closed(self) -> bool:
        """Wait until the node ends the connection, whatever it says before."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            return True
        return True

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()


def association_request(*classes: str, called: str = "LUNGWISE", calling: str = "RAW") -> bytes:
    """An A-ASSOCIATE-RQ PDU (PS3.8, 9.3.2) with one context for each storage class."""
    contexts = b"".join(
        _item(0x20, bytes([2 * n + 1, 0, 0, 0]) + _item(0x30, name.encode()) + _item(0x40, EXPLICIT.encode()))
        for n, name in enumerate(classes)
    )
    user = _item(0x50, _item(0x51, struct.pack(">I", 16384)) + _item(0x52, b"1.2.3"))
    body = struct.pack(">HH16s16s32x", 1, 0, called.ljust(16).encode(), calling.ljust(16).encode())
    return pdu(0x01, body + _item(0x10, b"1.2.840.10008.3.1.1.1") + contexts + user)


def pdu(kind: int, body: bytes) -> bytes:
    """A PDU of that kind."""
    return struct.pack(">BBI", kind, 0, len(body)) + body


def part(control: int, data: bytes, context: int = 1) -> bytes:
    """A P-DATA PDU with one fragment; `control` is 1 for commands, with 2 added for the last."""
    return pdu(0x04, struct.pack(">IBB", len(data) + 2, context, control) + data)


def store_command(instance: str, storage: str = DX, field: int = 0x0001) -> bytes:
    """The command of a C-STORE request, in implicit little endian."""
    elements = (
        _element(0x0002, _even(storage))
        + _element(0x0100, struct.pack("<H", field))
        + _element(0x0110, struct.pack("<H", 1))
        + _element(0x0700, struct.pack("<H", 0))
        + _element(0x0800, struct.pack("<H", 1))
        + _element(0x1000, _even(instance))
    )
    return _element(0x0000, struct.pack("<I", len(elements))) + elements


def status(answer: bytes) -> int:
    """The status that a C-STORE response carries."""
    at = answer.index(struct.pack("<HHI", 0, 0x0900, 2)) + 8
    return int.from_bytes(answer[at : at + 2], "little")


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def _even(text: str) -> bytes:
    return text.encode() + b"\0" * (len(text) % 2)
