"""Commands of several parts, as processes: one of their threads dies."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forked import start
from hl7_peer import PEERS
from lungwise.accounts.service import Accounts
from lungwise.audit.service import AuditTrail
from lungwise.store import Database, utc_now
from processes import environment

if TYPE_CHECKING:
    from lungwise.settings import Settings

DEAD_PART = [sys.executable, str(Path(__file__).parents[2] / "with_dead_part.py")]


@pytest.mark.parametrize(
    ("command", "part"),
    [("node", "node"), ("node", "rejections"), ("node", "commitment"), ("node", "priors"), ("hl7", "hl7"),
     ("worker", "reader")],
)  # fmt: skip
def test_a_command_ends_with_an_error_when_a_part_of_it_dies(
    settings: Settings, migrate: Callable[[Settings], None], tmp_path: Path, command: str, part: str
) -> None:
    migrate(settings)
    database = Database(settings)
    with database.writing() as session:
        Accounts(session, utc_now, settings, AuditTrail(session, utc_now)).clinic("Hill")
    database.close()
    own = {"node_port": 0, "hl7_port": 0, "hl7_peers": PEERS, "priors_from": "ARCHIVE@127.0.0.1:9"}
    told = environment(settings.model_copy(update=own)) | {"PYTEST_DEAD_PART": part}
    log = tmp_path / "log"
    with log.open("w") as errors:
        process = start([*DEAD_PART, command], told, errors.fileno())
    try:
        assert process.wait(120) == 1, log.read_text()
    finally:
        process.kill()
        process.communicate()
    assert f"Error: The part “{part}” has died; the log may say why. Start this command again." in log.read_text()
