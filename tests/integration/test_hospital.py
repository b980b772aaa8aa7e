"""A hospital from end to end: an order, its worklist entry, its film, and what comes back everywhere under its number.

The order comes as OpenMRS writes it; the X-ray machine is dcmtk's findscu and dcmsend, the archive Orthanc; reports
go to two receivers over HTTP and one of HL7. The listener is killed when it has acknowledged the order, the node when
it has acknowledged the film, and while it sends: nothing is lost, and nothing is there twice.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fhir.resources.R4B.bundle import Bundle
from pydicom import dcmread
from pydicom.dataset import Dataset
from sqlalchemy import select

from dicom_files import dicom_bytes, film_dataset
from dicom_peers import DX, NodeProcess, running_node, until
from hl7_peer import PEERS, HospitalSystem, ResultTaker, openmrs, pid, taking_results
from lungwise.access import Person, Role
from lungwise.accounts.service import Applicant
from lungwise.cli.synthetic_film import synthetic_film
from lungwise.orders.order import OrderStatus
from lungwise.store import Database, FilmStore, utc_now
from lungwise.studies.commitment_models import CommitmentReport
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.models import Dispatch, FilmRecord, Study
from lungwise.studies.service import Conclusion
from lungwise.wiring import Wiring
from orthanc_peer import Orthanc
from processes import PASSWORD, SYNTHETIC, running
from report_receiver import SECRET, Receiver, answering, receiver
from servers import free_port

if TYPE_CHECKING:
    from lungwise.settings import Settings

ACCESSION = "H26-0042"
DONE = answering(200, b'{"resourceType": "Bundle", "type": "transaction-response"}')
UNDER_WAY = ("queued", "sending")


@dataclass
class Hospital:
    """The archive, the systems that get reports, and the clinic's node, which can be killed and begins again."""

    settings: Settings
    orthanc: Orthanc
    records: Receiver
    hook: Receiver
    system: ResultTaker
    port: int
    person: Person

    @property
    def node_settings(self) -> dict[str, str]:
        return {
            "LUNGWISE_NODE_PORT": str(self.port),
            "LUNGWISE_NODE_WORKLIST": "true",
            "LUNGWISE_NODE_COMMITMENT_TO": self.orthanc.name,
            "LUNGWISE_SEND_TO": self.orthanc.name,
            "LUNGWISE_SEND_COMMITMENT": "ARCHIVE",
            "LUNGWISE_FHIR_URL": self.records.url.split("?")[0],
            "LUNGWISE_HL7_RESULTS_TO": self.system.to,
            "LUNGWISE_REPORT_WEBHOOK_URL": self.hook.url,
            "LUNGWISE_REPORT_WEBHOOK_SECRET": SECRET,
        }

    def committed(self, instance: str) -> bool:
        """Let the archive ask whether the node keeps the film, and wait for the answer."""
        asked = self.orthanc.post("/modalities/LUNGWISE/storage-commitment", {"DicomInstances": [[DX, instance]]})
        transaction = f"/storage-commitment/{json.loads(asked)['ID']}"
        until(lambda: json.loads(self.orthanc.get(transaction))["Status"] != "Pending")
        return bool(json.loads(self.orthanc.get(transaction))["Status"] == "Success")

    def results(self) -> list[dict[str, Any]]:
        """The objects that the archive has, as their tags."""
        keys = json.loads(self.orthanc.get("/instances"))
        return [json.loads(self.orthanc.get(f"/instances/{key}/simplified-tags")) for key in keys]

    def reports(self, system: Receiver) -> list[dict[str, Any]]:
        """The reports that a system got, each as JSON."""
        return [json.loads(got.body) for got in system.got]


def order_by_hl7(settings: Settings) -> Person:
    """Let the hospital's system order a film, twice the same message, and give a doctor of the clinic."""
    database = Database(settings)
    with database.writing() as session:
        accounts = Wiring(settings, FilmStore(settings)).over(session).accounts
        doctor = accounts.add(Applicant("Ada", "ada@example.org", PASSWORD), "Hill", Role.ADMINISTRATOR).person
    database.close()
    asked = (
        f"ORC|NW|{ACCESSION}|{ACCESSION}",
        f"OBR||{ACCESSION}||^^^^CHEST XRAY PA|||||||||cough|||||{ACCESSION}||||||DX",
    )
    message = openmrs("O01", pid(), *asked, code="ORM", version="2.3.1")
    listening = settings.model_copy(update={"hl7_port": 0, "hl7_peers": PEERS})
    with running([*SYNTHETIC, "hl7"], listening) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        with HospitalSystem(port) as system:
            assert [system.said(message)[0] for _ in range(2)] == ["AA", "AA"]
        process.kill()  # what it acknowledged is ordered
    return doctor


def worklist_entry(node: NodeProcess, folder: Path) -> Dataset:
    """Ask for the worklist as an X-ray machine does."""
    folder.mkdir()
    keys = ["AccessionNumber", "PatientID", "PatientName", "PatientSex", "StudyInstanceUID", "RequestedProcedureID"]
    command = ["findscu", "-W", "-X", "-od", str(folder), "-aet", "CR1", "-aec", "LUNGWISE", "127.0.0.1"]
    asked = [argument for key in keys for argument in ("-k", key)]
    subprocess.run([*command, str(node.port), *asked], check=True, capture_output=True, timeout=240)
    (entry,) = [dcmread(path, force=True) for path in folder.glob("rsp*.dcm")]
    return entry


def film_of(entry: Dataset, folder: Path) -> tuple[Path, str]:
    """Take the film that a worklist entry asks for, and give its UID."""
    own = {name: str(entry[name].value) for name in ("AccessionNumber", "PatientID", "PatientName", "StudyInstanceUID")}
    film = film_dataset(np.asarray(synthetic_film(0, 8)), **own, SeriesInstanceUID=f"{entry.StudyInstanceUID}.1")
    path = folder / "film.dcm"
    path.write_bytes(dicom_bytes(film))
    return path, str(film.SOPInstanceUID)


def everything_sent(node: NodeProcess) -> bool:
    with node.database.reading() as session:
        states = session.scalars(select(Dispatch.state)).all()
        return len(states) == 4 and set(states) == {"sent"}


@pytest.fixture
def hospital(settings: Settings, migrate: Callable[[Settings], None], tmp_path: Path) -> Any:
    migrate(settings)
    (tmp_path / "orthanc").mkdir()
    port, orthanc = free_port(), Orthanc(tmp_path / "orthanc", free_port(), free_port())
    with orthanc.running(port), receiver() as records, receiver() as hook, taking_results() as system:
        records.answer = DONE
        yield Hospital(settings, orthanc, records, hook, system, port, order_by_hl7(settings))


def test_an_orders_number_comes_back_with_the_film_the_results_and_a_corrected_report(
    hospital: Hospital, tmp_path: Path
) -> None:
    with running_node(hospital.settings, **hospital.node_settings) as node:
        entry = worklist_entry(node, tmp_path / "worklist")
        assert (entry.AccessionNumber, entry.PatientID) == (ACCESSION, "100-8")
        film, instance = film_of(entry, tmp_path)
        subprocess.run(["dcmsend", "-aec", "ARCHIVE", "127.0.0.1", str(hospital.orthanc.dicom), str(film)], check=True)
        hospital.hook.answer = lambda _request: node.process.kill()
        assert node.run("dcmsend", film).returncode == 0
        node.process.kill()  # what it acknowledged it has, though it had no time to read it
    with running_node(hospital.settings, **hospital.node_settings) as node:
        assert hospital.committed(instance)
        until(lambda: len(hospital.results()) > 1 or bool(hospital.hook.got))
        node.process.kill()  # while it sends
    hospital.hook.answer = answering(204)
    with running_node(hospital.settings, **hospital.node_settings) as node:
        until(lambda: due_now(node) and everything_sent(node))
        assert node.run("dcmsend", film).returncode == 0  # the machine sends it once more
        node.until_read()
        with node.database.reading() as session:
            study = session.scalars(select(Study)).one()
            key, versions = study.key, study.report_version
            assert len(session.scalars(select(FilmRecord)).all()) == 1
            (order,) = (
                Wiring(node.settings, FilmStore(node.settings)).over(session).orders.of_study(hospital.person, key)
            )
            assert (order.status, order.accession) == (OrderStatus.DONE, ACCESSION)
        for count, said in enumerate((Diagnosis.TUBERCULOSIS, Diagnosis.COVID_19), start=1):  # the second corrects it
            with node.database.writing() as session:
                studies = Wiring(node.settings, FilmStore(node.settings)).over(session).studies
                studies.conclude(hospital.person, key, Conclusion(conclusion=said))
            until(lambda: everything_sent(node))
            assert len(hospital.results()) == 5 + 2 * count
        with node.database.reading() as session:
            assert session.scalars(select(CommitmentReport)).all() == []

    results = hospital.results()
    assert Counter(one["Modality"] for one in results) == {"DX": 1, "SR": 3, "PR": 1, "OT": 1, "DOC": 3}
    assert len({one["SOPInstanceUID"] for one in results}) == len(results)
    for one in results:
        assert (one["AccessionNumber"], one["PatientID"]) == (ACCESSION, "100-8")
        assert one["StudyInstanceUID"] == entry.StudyInstanceUID

    hooks = {got.headers["Idempotency-Key"]: got for got in hospital.hook.got}
    assert list(hooks) == [f"{key}-{version}" for version in range(versions, versions + 3)]
    bundles = hospital.reports(hospital.records)
    for bundle in bundles:
        Bundle.model_validate(bundle)
    for text in (*(got.body.decode() for got in hooks.values()), *map(json.dumps, bundles)):
        assert ACCESSION in text and "100-8" in text and str(entry.StudyInstanceUID) in text
    assert all(f"|{ACCESSION}|" in text and "|100-8^" in text for text in hospital.system.got)
    resources = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    statuses = [one["status"] for one in resources if one["resourceType"] == "DiagnosticReport"]
    assert list(dict.fromkeys(statuses)) == ["preliminary", "final", "corrected"]
    segments = [line.split("|") for message in hospital.system.got for line in message.split("\r")]
    assert list(dict.fromkeys(fields[25] for fields in segments if fields[0] == "OBR")) == ["P", "F", "C"]


def due_now(node: NodeProcess) -> bool:
    """Let what a killed node had in hand be taken up again at once, and not when its lease ends."""
    with node.database.writing() as session:
        for dispatch in session.scalars(select(Dispatch).where(Dispatch.state.in_(UNDER_WAY))):
            dispatch.due_at = min(dispatch.due_at, utc_now())
    return True
