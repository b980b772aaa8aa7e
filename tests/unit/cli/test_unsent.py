from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner
from pydicom.uid import generate_uid

from dicom_files import dicom_file
from lungwise.cli import main
from lungwise.jobs.deliveries import Dispatches
from lungwise.patients.service import PatientFacts
from lungwise.store import utc_now
from lungwise.studies.dispatch_models import Dispatch
from lungwise.studies.models import ReadingRecord, StudyStatus
from queued_results import withdraw
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    import pytest

    from conftest import Services


def run(*arguments: str, ends: int = 0) -> str:
    result = CliRunner().invoke(main, ["unsent", *arguments])
    assert result.exit_code == ends, result.output
    return result.output


def test_what_is_unsent_is_listed_and_stays_as_it_is(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(services.settings.data_folder))
    monkeypatch.setenv("LUNGWISE_SEND_TO", "PACS@10.0.0.1:104")
    assert run() == "Everything is sent.\n"
    data = dicom_file(chest_bytes(), StudyInstanceUID=generate_uid(), SeriesInstanceUID="1.2.3")
    study = services.studies.open(services.person(), PatientFacts(), [("film", data)])
    study.films[0].readings.append(
        ReadingRecord(model="m", version="1", created_at=utc_now(), verdict=None, appearance={}, findings={})
    )
    study.status = StudyStatus.REFUSED
    services.session.flush()
    Dispatches(services.session, utc_now, ["PACS@10.0.0.1:104"]).queue(study.id)
    services.session.commit()
    before = services.session.query(Dispatch.state, Dispatch.due_at, Dispatch.attempts).one()
    assert f"Study {study.key} of Hill to PACS@10.0.0.1:104: waiting since " in run()
    (line,) = map(json.loads, run("--json", "--late", "0", ends=3).splitlines())
    assert (line["study"], line["clinic"], line["state"], line["error"]) == (study.key, "Hill", "waiting", "")
    services.session.expire_all()
    assert services.session.query(Dispatch.state, Dispatch.due_at, Dispatch.attempts).one() == before
    monkeypatch.setenv("LUNGWISE_SEND_TO", "OTHER@10.0.0.2:104")
    assert "archive removed since" in run(ends=3)
    withdraw(services.session, study, "webhook", utc_now)
    services.session.commit()
    assert f"Withdrawal of study {study.key} of Hill from webhook: archive removed since " in run(ends=3)
