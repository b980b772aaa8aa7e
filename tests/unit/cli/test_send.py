from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from dicom_files import dicom_file
from lungwise.cli import main
from lungwise.jobs.deliveries import Dispatches
from lungwise.patients.service import PatientFacts
from lungwise.reading.reading import Verdict
from lungwise.studies.models import ReadingRecord, StudyStatus
from queued_results import queued_study
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    from conftest import Services


@pytest.fixture
def port() -> Iterator[int]:
    """Start an archive of another name, which rejects whoever asks for ARCHIVE."""
    entity = AE("OTHER")
    entity.require_called_aet = True
    entity.add_supported_context(Verification)
    server = entity.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    yield server.server_address[1]
    entity.shutdown()


@pytest.fixture
def send(port: int, services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `lungwise send` to an archive that takes nothing."""
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(services.settings.data_folder))
    monkeypatch.setenv("LUNGWISE_SEND_TO", f"ARCHIVE@127.0.0.1:{port}")

    def run(*arguments: str) -> Result:
        services.session.commit()
        return CliRunner().invoke(main, ["send", *arguments])

    return run


def test_without_an_archive_it_says_how_to_name_one(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(services.settings.data_folder))
    result = CliRunner().invoke(main, ["send"])
    assert result.exit_code == 1
    for name in ("SEND_TO", "REPORT_WEBHOOK_URL", "FHIR_URL", "HL7_RESULTS_TO", "CLINIC_DESTINATIONS"):
        assert f"LUNGWISE_{name}" in result.stderr


def test_a_study_that_is_not_there_is_named(send: Callable[..., Result]) -> None:
    result = send("0123")
    assert result.exit_code == 1
    assert "There is no study 0123." in result.stderr


def test_nothing_to_send_is_no_failure(send: Callable[..., Result]) -> None:
    result = send()
    assert (result.exit_code, result.stdout) == (0, "The results of 0 studies are sent, 0 wait.\n")


def test_what_no_setting_and_no_result_names_is_not_cancelled(send: Callable[..., Result]) -> None:
    assert send("--cancel", "ARCHIVE").stdout == "Nothing waits for ARCHIVE any more: 0 cancelled.\n"
    wrong = send("--cancel", "nonsense")
    assert wrong.exit_code == 1
    assert "Nothing waits for nonsense, and no setting names it." in wrong.stderr


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_cancels_nothing(name: str, services: Services, send: Callable[..., Result]) -> None:
    systems = ("webhook", "fhir", "hl7")
    for system in systems:
        queued_study(services, services.person(system), [system])
    refused = send("--cancel", name)
    assert refused.exit_code == 2
    assert "Name an archive" in refused.stderr
    assert Dispatches(services.session, services.clock).cancel(name) == 0
    for system in systems:
        assert send("--cancel", system).stdout == f"Nothing waits for {system} any more: 1 cancelled.\n"


def test_what_an_archive_does_not_take_is_listed(services: Services, send: Callable[..., Result]) -> None:
    data = dicom_file(chest_bytes(), StudyInstanceUID="1.2.3")
    study = services.studies.open(services.person(), PatientFacts(), [("film", data)])
    record: dict[str, Any] = {"appearance": {}, "findings": {}, "created_at": services.clock()}
    study.films[0].readings.append(ReadingRecord(model="m", version="1", verdict=Verdict.NEGATIVE, **record))
    study.status = StudyStatus.NEGATIVE
    result = send(study.key, "--json")
    assert result.exit_code == 3
    line = json.loads(result.stdout)
    assert (line["study"], line["attempts"]) == (study.key, 1)
    assert line["error"] == "ARCHIVE rejects this association"
