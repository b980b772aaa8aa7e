"""A hospital from end to end: an order, its worklist entry, its film, and what comes back everywhere under its number.

The order comes as OpenMRS writes it; the X-ray machine is dcmtk's findscu and dcmsend; the archive, which has the
patient's earlier films too, is Orthanc; reports go to two receivers over HTTP and one of HL7. The listener is killed
when it has acknowledged the order; the node while it reads the film that it has acknowledged and fetches the earlier
ones, while it sends to the archive and the webhook, to the FHIR server, and to the HL7 system. Nothing is lost, and
nothing is there twice.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fhir.resources.R4B.bundle import Bundle
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from sqlalchemy import select, update

from dicom_files import dicom_bytes, film_dataset
from dicom_peers import DX, NodeProcess, running_node, until
from hl7_peer import PEERS, HospitalSystem, ResultTaker, openmrs, pid, taking_results
from lungwise.access import Person, Role
from lungwise.accounts.service import Applicant
from lungwise.audit.models import AuditEntry
from lungwise.cli.synthetic_film import synthetic_film
from lungwise.hl7.results import control_id
from lungwise.orders.order import OrderStatus
from lungwise.store import Database, FilmStore, utc_now
from lungwise.store.lease_queue import QUEUED
from lungwise.studies.commitment_models import CommitmentReport
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.dispatch_models import Dispatch
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Study
from lungwise.studies.prior_models import DONE as FETCHED
from lungwise.studies.prior_models import PriorFetch, PriorFilm
from lungwise.studies.service import Conclusion
from lungwise.wiring import Services, Wiring
from orthanc_peer import Orthanc
from processes import PASSWORD, SYNTHETIC, running
from report_receiver import SECRET, Receiver, answering, receiver
from servers import free_port

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lungwise.settings import Settings

ACCESSION, PATIENT = "H26-0042", "100-8"
DONE = answering(200, b'{"resourceType": "Bundle", "type": "transaction-response"}')
IN_HAND: tuple[type[Dispatch | PriorFetch | Job], ...] = (Dispatch, PriorFetch, Job)
KILLED_IN_HAND = [sys.executable, str(Path(__file__).parents[1] / "with_kill_in_hand.py")]
TODAY = datetime.now(UTC).date()


@dataclass
class Hospital:
    """The archive, the systems that get reports, and the clinic's node, which can be killed and begins again."""

    settings: Settings
    database: Database
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
            "LUNGWISE_PRIORS_FROM": self.orthanc.name,
            "LUNGWISE_SEND_TO": self.orthanc.name,
            "LUNGWISE_SEND_COMMITMENT": "ARCHIVE",
            "LUNGWISE_FHIR_URL": self.records.url.split("?")[0],
            "LUNGWISE_HL7_RESULTS_TO": self.system.to,
            "LUNGWISE_REPORT_WEBHOOK_URL": self.hook.url,
            "LUNGWISE_REPORT_WEBHOOK_SECRET": SECRET,
        }

    def running(self) -> AbstractContextManager[NodeProcess]:
        """Let the node begin again, with what a killed one had in hand, which else it takes when the leases end."""
        self.due_now()
        return running_node(self.settings, **self.node_settings)

    def due_now(self) -> None:
        """Let whatever waits, or was in hand, be due."""
        with self.database.writing() as session:
            for table in IN_HAND:
                later = (table.state.in_((QUEUED, table.running)), table.due_at > utc_now())
                session.execute(update(table).where(*later).values(due_at=utc_now()))

    def everything_sent(self) -> bool:
        """Whether every system has the newest report."""
        with self.database.reading() as session:
            states = session.scalars(select(Dispatch.state)).all()
        return len(states) == 4 and set(states) == {"sent"}

    def everything_fetched(self) -> bool:
        """Whether nothing more is asked of the archive."""
        with self.database.reading() as session:
            return session.scalars(select(PriorFetch.state)).all() == [FETCHED]

    def ask_for_commitment(self, instance: str) -> str:
        """Let the archive ask whether the node keeps the film."""
        asked = self.orthanc.post("/modalities/LUNGWISE/storage-commitment", {"DicomInstances": [[DX, instance]]})
        return str(json.loads(asked)["ID"])

    def commitment(self, transaction: str) -> str:
        """Return what the archive knows of the film."""
        return str(json.loads(self.orthanc.get(f"/storage-commitment/{transaction}"))["Status"])

    def results(self, study: str) -> list[dict[str, Any]]:
        """The objects of a study that the archive has, as their tags."""
        keys = json.loads(self.orthanc.get("/instances"))
        found = [json.loads(self.orthanc.get(f"/instances/{key}/simplified-tags")) for key in keys]
        return [one for one in found if one["StudyInstanceUID"] == study]

    def services(self, session: Session) -> Services:
        """The services over a session."""
        return Wiring(self.settings, FilmStore(self.settings)).over(session)


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
    patient = ["PatientID", "IssuerOfPatientID", "PatientName", "PatientSex"]
    keys = ["AccessionNumber", *patient, "StudyInstanceUID", "RequestedProcedureID"]
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


def earlier_films(entry: Dataset, folder: Path) -> Iterator[Path]:
    """Take films of the patient in earlier years."""
    own = {name: str(entry[name].value) for name in ("PatientID", "IssuerOfPatientID", "PatientName")}
    for years in (1, 2):
        uids = {name: generate_uid() for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}
        taken = {"StudyDate": f"{TODAY - timedelta(days=365 * years):%Y%m%d}", "BodyPartExamined": "CHEST"}
        film = film_dataset(np.asarray(synthetic_film(years, 8)), **own, **uids, **taken)
        path = folder / f"earlier{years}.dcm"
        path.write_bytes(dicom_bytes(film))
        yield path


@pytest.fixture
def hospital(settings: Settings, migrate: Callable[[Settings], None], tmp_path: Path) -> Iterator[Hospital]:
    migrate(settings)
    (tmp_path / "orthanc").mkdir()
    port, orthanc = free_port(), Orthanc(tmp_path / "orthanc", free_port(), free_port())
    with orthanc.running(port), receiver() as records, receiver() as hook, taking_results() as system:
        records.answer = DONE
        doctor, database = order_by_hl7(settings), Database(settings)
        yield Hospital(settings, database, orthanc, records, hook, system, port, doctor)
        database.close()


def test_an_orders_number_comes_back_with_the_film_the_results_and_a_corrected_report(
    hospital: Hospital, tmp_path: Path
) -> None:
    with running_node(hospital.settings, KILLED_IN_HAND, **hospital.node_settings) as node:
        entry = worklist_entry(node, tmp_path / "worklist")
        assert (entry.AccessionNumber, entry.PatientID) == (ACCESSION, PATIENT)
        film, instance = film_of(entry, tmp_path)
        archived = [str(film), *map(str, earlier_films(entry, tmp_path))]
        subprocess.run(["dcmsend", "-aec", "ARCHIVE", "127.0.0.1", str(hospital.orthanc.dicom), *archived], check=True)
        assert node.run("dcmsend", film).returncode == 0
        assert node.process.wait(240) == -signal.SIGKILL
    assert_in_hand(hospital)
    study = str(entry.StudyInstanceUID)

    with hospital.running() as node:
        asked = hospital.ask_for_commitment(instance)
        hospital.hook.answer = killing(node, lambda: len(hospital.results(study)) > 1)
        node.process.wait(240)
    hospital.hook.answer = answering(204)
    with hospital.running() as node:
        hospital.records.answer = killing(node)
        node.process.wait(240)
    hospital.records.answer = DONE
    with hospital.running() as node:
        hospital.system.takes = node.process.kill
        node.process.wait(240)
    hospital.system.takes = lambda: None

    with hospital.running() as node:
        until(lambda: hospital.commitment(asked) == "Success")
        until(hospital.everything_fetched)
        until(hospital.everything_sent)
        assert node.run("dcmsend", film).returncode == 0  # the machine sends it once more
        node.until_read()
        key, first = assert_nothing_twice(hospital)
        for count, said in enumerate((Diagnosis.TUBERCULOSIS, Diagnosis.COVID_19), start=1):  # the second corrects it
            with hospital.database.writing() as session:
                hospital.services(session).studies.conclude(hospital.person, key, Conclusion(conclusion=said))
            until(hospital.everything_sent)
            assert len(hospital.results(study)) == 5 + 2 * count

    assert_archived(hospital.results(study))
    versions = [f"{key}-{version}" for version in range(first, first + 3)]
    assert_reported(hospital, versions, study)


def killing(node: NodeProcess, when: Callable[[], bool] = lambda: True) -> Callable[[object], None]:
    """Return what kills a node that sends, instead of an answer."""

    def kill(_request: object) -> None:
        until(when)
        node.process.kill()

    return kill


def assert_in_hand(hospital: Hospital) -> None:
    """The node died while it read the film, with one of the earlier films and not the other."""
    with hospital.database.reading() as session:
        assert session.scalars(select(Job.state)).all() == [JobState.RUNNING]
        assert session.scalars(select(PriorFetch.state)).all() == [PriorFetch.running]
        assert len(session.scalars(select(PriorFilm)).all()) == 1


def assert_nothing_twice(hospital: Hospital) -> tuple[str, int]:
    """Everything is here once; give the study's key, and the version of its report."""
    with hospital.database.reading() as session:
        study = session.scalars(select(Study)).one()
        for table in (FilmRecord, Job, ReadingRecord):
            session.scalars(select(table)).one()
        priors = session.scalars(select(PriorFilm)).all()
        assert [prior.patient_id for prior in priors] == [study.patient_id] * 2
        assert len({prior.instance_uid for prior in priors}) == 2
        assert session.scalars(select(AuditEntry.action)).all().count("fetched prior") == 2
        assert session.scalars(select(CommitmentReport)).all() == []
        (order,) = hospital.services(session).orders.of_study(hospital.person, study.key)
        assert (order.status, order.accession) == (OrderStatus.DONE, ACCESSION)
        return study.key, study.report_version


def assert_archived(results: list[dict[str, Any]]) -> None:
    """The archive has each object once, under the order's number."""
    assert Counter(one["Modality"] for one in results) == {"DX": 1, "SR": 3, "PR": 1, "OT": 1, "DOC": 3}
    assert len({one["SOPInstanceUID"] for one in results}) == len(results)
    assert {(one["AccessionNumber"], one["PatientID"]) for one in results} == {(ACCESSION, PATIENT)}


def assert_reported(hospital: Hospital, versions: list[str], study: str) -> None:
    """Each system got each version by one key, the first of them twice, and all name the same order and film."""
    hooks, records, messages = hospital.hook.got, hospital.records.got, hospital.system.got
    segments = [[line.split("|") for line in message.split("\r")] for message in messages]
    expected = [versions[0], *versions]
    assert [got.headers["Idempotency-Key"] for got in hooks] == expected
    assert [got.headers["X-Request-Id"] for got in records] == expected
    assert [message[0][9] for message in segments] == list(map(control_id, expected))

    bundles = [json.loads(got.body) for got in records]
    for bundle in bundles:
        Bundle.model_validate(bundle)
    for text in (*(got.body.decode() for got in hooks), *map(json.dumps, bundles)):
        assert ACCESSION in text and PATIENT in text and study in text
    assert all(f"|{ACCESSION}|" in message and f"|{PATIENT}^" in message for message in messages)
    resources = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    statuses = [one["status"] for one in resources if one["resourceType"] == "DiagnosticReport"]
    assert statuses == ["preliminary", "preliminary", "final", "corrected"]
    assert len({json.dumps(one["identifier"]) for one in resources if one["resourceType"] == "DiagnosticReport"}) == 1
    statuses = [fields[25] for message in segments for fields in message if fields[0] == "OBR"]
    assert statuses == ["P", "P", "F", "C"]
