from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.audit.models import AuditEntry
from lungwise.clinics.service import Clinics
from lungwise.errors import NotFound
from lungwise.monitoring import models_in_use
from lungwise.monitoring.models_in_use import ModelsInUse
from lungwise.reading.artefact import shipped_card

if TYPE_CHECKING:
    from conftest import Services


def in_use(services: Services) -> ModelsInUse:
    clinics = Clinics(services.session, services.clock, services.settings, services.audit)
    return ModelsInUse(services.session, services.clock, services.audit, clinics)


def test_a_change_of_the_model_stands_in_every_clinics_trail(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, eve = services.person(), services.person("Eve", "Valley")
    in_use(services).note()
    in_use(services).note()
    other = replace(shipped_card(), version="9.0.0", hashes={"onnx": "d" * 64})
    monkeypatch.setattr(models_in_use, "shipped_card", lambda: other)
    in_use(services).note()
    in_use(services).note()
    monkeypatch.undo()
    in_use(services).note()
    shipped = shipped_card().version
    assert [one.version for one in in_use(services).newest(ada)] == [shipped, "9.0.0", shipped]
    entries = services.session.query(AuditEntry).filter(AuditEntry.subject == "model").all()
    assert [entry.clinic_id for entry in entries] == [ada.clinic_id, eve.clinic_id] * 2
    assert {entry.action for entry in entries} == {"changed"}


def test_only_an_administrator_sees_it(services: Services) -> None:
    with pytest.raises(NotFound):
        in_use(services).newest(services.person(role=Role.DOCTOR))
