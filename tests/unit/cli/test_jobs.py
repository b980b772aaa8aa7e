from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from lungwise.audit.models import AuditEntry
from lungwise.cli import bootstrap, jobs, main
from lungwise.monitoring.models import ModelInUse, ShadowReading
from lungwise.patients.service import PatientFacts
from lungwise.reading.artefact import WEIGHTS, Artefact, shipped_card
from lungwise.studies.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Services
    from synthetic_reader import SyntheticReader


@pytest.fixture
def run(
    services: Services, monkeypatch: pytest.MonkeyPatch, synthetic_reader: type[SyntheticReader]
) -> Callable[..., Any]:
    """Run `lungwise jobs` over the services' bootstrap, and give what it says as JSON."""
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(services.settings.data_folder))
    monkeypatch.setattr(bootstrap, "make_reader", synthetic_reader)

    def run(*arguments: str, ends: int = 0) -> Any:
        services.session.commit()
        result = CliRunner().invoke(main, ["jobs", *arguments, "--json"])
        services.session.expire_all()
        assert result.exit_code == ends, result.output
        return json.loads(result.stdout)

    return run


@pytest.fixture
def queued(services: Services, film: Callable[..., bytes]) -> None:
    services.studies.open(services.person(), PatientFacts(), [(str(n), film(n)) for n in range(3)])
    services.session.commit()


@pytest.mark.usefixtures("queued")
def test_a_queue_is_drained_and_that_another_model_does_it_is_in_the_trail(
    services: Services, run: Callable[..., Any]
) -> None:
    assert run("list")["counts"] == {"queued": 3, "running": 0, "done": 0, "failed": 0}
    services.session.add(ModelInUse(name="before", version="1", sha256="b" * 64, since=services.clock()))
    assert run("drain") == {"queued": 0, "running": 0, "done": 3, "failed": 0}
    trail = select(AuditEntry).where(AuditEntry.subject == "model", AuditEntry.action == "changed")
    assert len(services.session.scalars(trail).all()) == 1
    assert run("list")["jobs"] == []
    assert len(run("list", "--state", "done", "--limit", "2")["jobs"]) == 2


@pytest.mark.usefixtures("queued")
def test_failed_jobs_are_seen_and_retried(services: Services, run: Callable[..., Any]) -> None:
    services.session.execute(update(Job).values(state=JobState.FAILED, error="Fault"))
    failed = run("list")["jobs"]
    assert [job["error"] for job in failed] == ["Fault"] * 3
    assert run("drain", ends=1)["failed"] == 3
    wrong = CliRunner().invoke(main, ["jobs", "retry", "99999", str(failed[0]["job"])])
    assert wrong.exit_code == 1 and "None is queued again" in wrong.output
    assert run("list")["counts"]["failed"] == 3
    assert run("retry", str(failed[0]["job"])) == {"queued": 1}
    assert run("retry", "--all") == {"queued": 2}
    assert run("drain")["done"] == 3


def test_a_retry_says_which(run: Callable[..., Any]) -> None:
    result = CliRunner().invoke(main, ["jobs", "retry"])
    assert result.exit_code == 2
    assert "lungwise jobs list --state failed" in result.output


@pytest.mark.usefixtures("queued")
def test_a_new_model_reads_every_film_again_once(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, synthetic_reader: type[SyntheticReader]
) -> None:
    run("drain")
    assert run("reread")["done"] == 0  # this model has read them
    monkeypatch.setattr(synthetic_reader, "version", "2")
    for _start in range(2):
        assert run("reread") == {"queued": 0, "running": 0, "done": 3, "failed": 0}


@pytest.mark.usefixtures("queued")
def test_a_second_model_reads_beside_the_first(
    services: Services,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    synthetic_reader: type[SyntheticReader],
    tmp_path: Path,
) -> None:
    run("drain")
    refused = CliRunner().invoke(main, ["jobs", "shadow", str(tmp_path)])
    assert refused.exit_code == 1
    assert "The model is incomplete" in refused.output
    same = CliRunner().invoke(main, ["jobs", "shadow", str(WEIGHTS)])
    assert "The model in this folder is the one in use." in same.output
    card = replace(shipped_card(), version="2", hashes={"onnx": "e" * 64})
    monkeypatch.setattr(jobs, "_other_artefact", lambda folder: Artefact(onnx=folder, card=card))
    monkeypatch.setattr(bootstrap, "make_shadow_reader", lambda _artefact: synthetic_reader())
    monkeypatch.setattr(jobs, "_NICE", 0)
    done = CliRunner().invoke(main, ["jobs", "shadow", str(tmp_path), "--once"])
    assert done.exit_code == 0, done.output
    assert len(services.session.scalars(select(ShadowReading)).all()) == 3
    services.session.commit()
    assert CliRunner().invoke(main, ["jobs", "shadow", str(tmp_path), "--once"]).exit_code == 0
