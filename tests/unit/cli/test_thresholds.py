from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import ADA, PASSWORD, Run
from lungwise.cli.bootstrap import open_services
from lungwise.reading.local_thresholds import read_local_thresholds
from lungwise.reading.own_thresholds import FindingThresholds

BEN = ["users", "add", "ben@example.org", "--name", "Ben", "--clinic", "Hill", "--role", "administrator"]
COVID = FindingThresholds(finding="COVID-19", lower=0.12, upper=0.7)


@pytest.fixture
def own(run: type[Run]) -> str:
    """Give the id of thresholds in force at Hill, which two people approved."""
    run("db", "upgrade").ok()
    run(*ADA, "--role", "administrator").ok()
    run(*BEN, "--password", PASSWORD).ok()
    with open_services(writes=True) as services:
        ada, ben = (services.account(f"{name}@example.org").person for name in ("ada", "ben"))
        made = services.thresholds.propose(ada, COVID, {})
        services.thresholds.confirm(ben, made.key)
        return made.key


def test_thresholds_are_listed_written_and_left(run: type[Run], own: str, tmp_path: Path) -> None:
    row = json.loads(run("thresholds", "list", "--json").ok())
    assert (row["id"], row["state"], row["by"]) == (own, "in force", "Ada, Ben")
    written = run("thresholds", "export").ok()
    path = tmp_path / "own.json"
    path.write_text(written)
    found = read_local_thresholds(path)
    assert (found.id, found.findings, found.approved_by) == (own, (COVID,), ("Ada", "Ben"))
    assert run("thresholds", "export", "--id", own, "--clinic", "Hill").ok() == written
    assert "by the model" in run("thresholds", "revert", "shipped").ok()
    assert "the model's are" in run("thresholds", "export").no()
    assert json.loads(run("thresholds", "list", "--json").ok())["state"] == "approved"
    assert own in run("thresholds", "revert", own).ok()
    assert "Hill" in run("thresholds", "list").ok()


def test_what_is_not_there_gets_a_sentence(run: type[Run], own: str) -> None:
    assert "approved no thresholds" in run("thresholds", "export", "--id", "nothing").no()
    assert "no thresholds nothing" in run("thresholds", "revert", "nothing").no()
    assert "Name the clinic" in run("thresholds", "export", "--clinic", "Valley").no()
