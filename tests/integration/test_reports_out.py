"""Reports on their way to a system that is no archive, from processes that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from conftest import Clock, open_services
from dicom_files import dicom_file
from forked import start
from lungwise.patients.service import PatientFacts
from lungwise.settings import Settings
from lungwise.store import Database, utc_now
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.dispatch_models import Dispatch
from lungwise.studies.service import Conclusion
from lungwise.wiring import Wiring
from processes import SYNTHETIC, environment
from report_receiver import answering, receiver
from synthetic_films import chest_bytes


def run(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*SYNTHETIC, *words]
    return subprocess.run(command, env=environment(settings), capture_output=True, text=True, timeout=240)


def test_a_kill_before_the_acknowledgement_loses_no_report_and_sends_none_under_two_keys(
    settings: Settings, migrate: Callable[[Settings], None], film: Callable[..., bytes]
) -> None:
    migrate(settings)
    with receiver() as there:
        settings = there.set_up(settings)
        for services in open_services(settings, Clock(utc_now())):
            person = services.person()
            key = services.studies.open(person, PatientFacts(identifier="7"), [("film", film())]).key
            services.read_all()
            services.session.commit()
        process = start([*SYNTHETIC, "send"], environment(settings))

        def kill(_request: BaseHTTPRequestHandler) -> None:
            os.kill(process.pid, signal.SIGKILL)

        there.answer = kill
        process.communicate(timeout=240)
        assert len(there.got) == 1
        there.answer = answering(200)
        waiting = run(settings, "unsent", "--json", "--late", "60")
        line = json.loads(waiting.stdout)
        assert (line["study"], line["archive"], line["state"]) == (key, "webhook", "sending")

        database = Database(settings)
        with database.writing() as session:
            session.query(Dispatch).update({"due_at": utc_now()})  # the lease of who died has ended
            studies = Wiring(settings, services.store).over(session).studies
            studies.conclude(person, key, Conclusion(conclusion=Diagnosis.TUBERCULOSIS))
        database.close()
        sent = run(settings, "send")
        assert sent.returncode == 0, sent.stdout + sent.stderr
        assert [got.headers["Idempotency-Key"] for got in there.got] == [f"{key}-1", f"{key}-2"]
        assert json.loads(there.got[1].body)["report"]["study"]["conclusion"] == "tuberculosis"
        again = run(settings, "send", key)
        assert (again.returncode, len({got.headers["Idempotency-Key"] for got in there.got})) == (0, 2), again.stderr
        assert len(there.got) == 3  # somebody asked for it once more


@contextmanager
def medplum(folder: Path) -> Iterator[str]:
    """Run Medplum's FHIR router, and give its address."""
    command = ["node", str(Path(__file__).parents[1] / "fhir_server.mjs"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def resources(server: str, kind: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{server}/{kind}", timeout=60) as answer:
        return [entry["resource"] for entry in json.load(answer).get("entry", [])]


def test_a_fhir_server_has_each_resource_once_and_the_report_as_it_was_corrected(
    settings: Settings, migrate: Callable[[Settings], None]
) -> None:
    folder = os.environ.get("LUNGWISE_TEST_FHIR")
    if folder is None:
        pytest.skip("there is no FHIR server from npm: make fhir fetches one")
    migrate(settings)
    with medplum(Path(folder).resolve()) as server:
        settings = settings.model_copy(update={"fhir_url": server})
        film = dicom_file(chest_bytes(), StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.4", AccessionNumber="A7")
        for services in open_services(settings, Clock(utc_now())):
            person = services.person()
            facts = PatientFacts(identifier="7", name="Asha Rao")
            key = services.studies.open(person, facts, [("film", film)]).key
            services.read_all()
            services.session.commit()
        assert run(settings, "send").returncode == 0
        (before,) = resources(server, "DiagnosticReport")
        database = Database(settings)
        with database.writing() as session:
            studies = Wiring(settings, services.store).over(session).studies
            studies.conclude(person, key, Conclusion(conclusion=Diagnosis.TUBERCULOSIS))
        database.close()
        assert run(settings, "send").returncode == 0
        kinds = ("Patient", "DiagnosticReport", "ImagingStudy", "Device", "Observation")
        found = {kind: resources(server, kind) for kind in kinds}
        database = Database(settings)
        with database.writing() as session:
            Wiring(settings, services.store).over(session).studies.delete(person, key)
        database.close()
        assert run(settings, "send").returncode == 0
        withdrawn = {kind: resources(server, kind) for kind in kinds}
    assert {kind: [one["id"] for one in those] for kind, those in withdrawn.items()} == {
        kind: [one["id"] for one in those] for kind, those in found.items()
    }
    for kind in ("DiagnosticReport", "Observation"):
        (one,) = withdrawn[kind]
        assert (one["status"], one["subject"]) == ("entered-in-error", found[kind][0]["subject"])
        assert one.keys() == {"resourceType", "id", "meta", "identifier", "status", "code", "subject"}
    assert {kind: len(those) for kind, those in found.items()} == dict.fromkeys(kinds, 1)
    report = found["DiagnosticReport"][0]
    assert (report["id"], before["status"], report["status"]) == (before["id"], "preliminary", "final")
    assert report["subject"]["reference"] == f"Patient/{found['Patient'][0]['id']}"
    assert report["result"][0]["reference"] == f"Observation/{found['Observation'][0]['id']}"
    assert report["imagingStudy"][0]["reference"] == f"ImagingStudy/{found['ImagingStudy'][0]['id']}"
    assert {"system": "urn:lungwise:study", "value": key} in report["identifier"]
