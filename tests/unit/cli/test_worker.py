from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner
from sqlalchemy import select

from lungwise.audit.models import AuditEntry
from lungwise.cli import main, worker
from lungwise.monitoring.models import ModelInUse

if TYPE_CHECKING:
    import pytest

    from conftest import Services


def test_a_worker_with_another_model_says_so_in_every_clinics_trail(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = services.person().clinic_id
    services.session.add(ModelInUse(name="before", version="1", sha256="b" * 64, since=services.clock()))
    services.session.commit()
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(services.settings.data_folder))
    monkeypatch.setattr(worker, "_read", lambda *_: None)
    assert CliRunner().invoke(main, ["worker"]).exit_code == 0
    changed = services.session.scalars(select(AuditEntry).where(AuditEntry.subject == "model")).all()
    assert [(entry.clinic_id, entry.action) for entry in changed] == [(clinic, "changed")]
