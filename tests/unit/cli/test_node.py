from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands import ADA, Run
from lungwise.cli import main
from lungwise.settings import Settings
from lungwise.store import Database
from lungwise.store.migrations import upgrade


@pytest.fixture
def _installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(tmp_path))
    database = Database(Settings(data_folder=tmp_path))
    upgrade(database.engine)
    database.close()


def said(*command: str, **settings: str) -> str:
    result = CliRunner().invoke(main, command, env=settings)
    assert result.exit_code == 1, result.output
    return result.output


@pytest.mark.usefixtures("_installation")
def test_a_node_without_a_clinic_says_what_to_set() -> None:
    assert "Set LUNGWISE_NODE_CLINIC" in said("node")
    assert "There is no clinic Hill" in said("node", LUNGWISE_NODE_CLINIC="Hill")


@pytest.mark.parametrize(
    ("command", "prefix"), [("node", "LUNGWISE_NODE"), ("hl7", "LUNGWISE_HL7")], ids=["node", "hl7"]
)
def test_what_keeps_a_command_from_listening_is_said_with_its_setting(
    command: str, prefix: str, run: type[Run], tmp_path: Path
) -> None:
    run("db", "upgrade").ok()
    run(*ADA).ok()
    given = {"LUNGWISE_NODE_CLINIC": "Hill", "LUNGWISE_HL7_PEERS": "HIS@HILL=Hill"}
    setting = prefix.removeprefix("LUNGWISE_").lower()
    said = ended(command, given | {f"{prefix}_HOST": "no.invalid"})
    assert "no.invalid:" in said and f"Check the settings {setting}_host and {setting}_port" in said
    absent = tmp_path / "absent.pem"
    said = ended(command, given | {f"{prefix}_TLS_CERTIFICATE": str(absent)})
    assert f"{setting}_tls_certificate: {absent}: No such file or directory" in said
    absent.write_text("no certificate")
    said = ended(command, given | {f"{prefix}_TLS_CERTIFICATE": str(absent)})
    assert f"{setting}_tls_certificate: {absent}: It holds no certificate in PEM" in said


def ended(command: str, settings: dict[str, str]) -> str:
    """Return the one sentence with which a command of its own process ends."""
    done = subprocess.run(
        [sys.executable, "-m", "lungwise", command],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    (sentence,) = (line for line in done.stderr.splitlines() if line.startswith("Error: "))
    return sentence


@pytest.mark.usefixtures("_installation")
def test_sending_without_an_archive_says_what_to_set() -> None:
    assert "Set LUNGWISE_SEND_TO to an archive, as AE@host:port" in said("send")


@pytest.mark.usefixtures("_installation")
@pytest.mark.parametrize("wrong", ["archive", "A@host", "A@host:port", "@host:104", "A@h:1,B", "A" * 17 + "@host:104"])
def test_an_archive_that_is_written_wrongly_is_a_wrong_setting(wrong: str) -> None:
    assert "A setting is wrong. send_to" in said("send", LUNGWISE_SEND_TO=wrong)


def test_archives_and_callers_are_lists() -> None:
    settings = Settings(send_to="A@host:104, B C@10.0.0.5:11112", node_callers="CR1, CR2 ,")
    assert settings.send_to_list == ["A@host:104", "B C@10.0.0.5:11112"]
    assert settings.node_callers_list == ["CR1", "CR2"]
