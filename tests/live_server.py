"""A server as a process of its own, with an account and a token to talk to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lungwise.accounts.person import Role
from lungwise.accounts.service import Accounts, Applicant
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.settings import Settings
from lungwise.store import Database, utc_now
from lungwise.store.migrations import upgrade

_SERVE = Path(__file__).parent / "browser" / "serve.py"


@dataclass(frozen=True)
class LiveServer:
    """Where a server listens, and a token that may do all that a token may."""

    address: str
    token: str
    data_folder: Path


@contextmanager
def live_server(data_folder: Path, **settings: str) -> Iterator[LiveServer]:
    """Serve an installation with one account until the block ends."""
    token = install(Settings(data_folder=data_folder, argon2_time=1, argon2_memory=64))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"LUNGWISE_DATA_FOLDER": str(data_folder), "PYTHONUNBUFFERED": "1", **settings}
    command = [sys.executable, str(_SERVE), str(port)]
    with (data_folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert server.stdout is not None
            assert server.stdout.readline(), (data_folder / "server.log").read_text()
            yield LiveServer(f"http://127.0.0.1:{port}", token, data_folder)
        finally:
            server.terminate()
            server.communicate(timeout=60)


def install(settings: Settings) -> str:
    """Make an installation's schema, an account, and a token that may do all that a token may; give the token."""
    settings.data_folder.mkdir(parents=True, exist_ok=True)
    database = Database(settings)
    upgrade(database.engine)
    with database.writing() as session:
        audit = AuditTrail(session, utc_now)
        accounts = Accounts(session, utc_now, settings, audit)
        ada = accounts.add(Applicant("Ada", "ada@example.org", "three green kites fly"), "Hill", Role.DOCTOR).person
        _, text = Tokens(session, utc_now, audit).add(ada, "tests", list(Scope), 1)
    database.close()
    return text
