"""`lungwise hl7` as a process, with hospital systems that nobody here wrote."""

from __future__ import annotations

import re
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hl7apy.core import Message
from sqlalchemy import func, select

from dicom_peers import make_certificate
from hl7_peer import PEERS, HospitalSystem, mrg, openemr, openmrs, pid
from lungwise.access import Person, Role
from lungwise.audit.service import AuditTrail
from lungwise.hl7.models import ReceivedMessage
from lungwise.patients.service import Patient, PatientFacts
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, utc_now
from lungwise.wiring import Services, Wiring
from processes import running

if TYPE_CHECKING:
    from forked import Process

HERE = Path(__file__).parents[1]
BORN = date(1981, 3, 25)
GRACE = PatientFacts(identifier="100-8", name="Kamau Grace", birth_date=BORN, sex="F")


class Installation:
    """A clinic of the name Hill with a patient, and what is kept of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.model_copy(update={"hl7_port": 0, "hl7_peers": PEERS, "hl7_message_seconds": 2})
        self.database = Database(self.settings)
        with self.database.writing() as session:
            self.node = Person(None, "CR1", self.over(session).clinics.named("Hill").id, Role.NODE)
            self.over(session).patients.match_or_add(self.node, GRACE)

    def over(self, session: object) -> Services:
        return Wiring(self.settings, FilmStore(self.settings)).over(session)  # type: ignore[arg-type]

    def patients(self) -> dict[str, Patient]:
        """The patients by number, with what is known of them."""
        with self.database.reading() as session:
            return {one.identifier: one for one in session.scalars(select(Patient))}

    def messages(self) -> list[tuple[str, str]]:
        """The messages that are known, each with what became of it."""
        with self.database.reading() as session:
            rows = session.scalars(select(ReceivedMessage).order_by(ReceivedMessage.id))
            return [(row.type, row.state) for row in rows]

    @contextmanager
    def listening(self, program: str = "with_synthetic_reader.py", **more: object) -> Iterator[tuple[Process, int]]:
        """Run the listener; give its process and port."""
        settings = self.settings.model_copy(update=more)
        with running([sys.executable, str(HERE / program), "hl7"], settings) as process:
            assert process.stdout is not None
            says = process.stdout.readline()
            assert "HL7 messages are taken at" in says
            yield process, int(says.rsplit(":", 1)[1])


@pytest.fixture
def installation(either: Settings, migrate: Callable[[Settings], None]) -> Iterator[Installation]:
    migrate(either)
    made = Installation(either)
    yield made
    made.database.close()


@pytest.fixture
def on_sqlite(settings: Settings, migrate: Callable[[Settings], None]) -> Iterator[Installation]:
    migrate(settings)
    made = Installation(settings)
    yield made
    made.database.close()


def made_elsewhere() -> bytes:
    """A message as the other library makes one."""
    message = Message("ADT_A01", version="2.5")
    message.msh.msh_3, message.msh.msh_4, message.msh.msh_9 = "OPENMRS", "HILL", "ADT^A08^ADT_A01"
    message.msh.msh_7, message.msh.msh_10, message.msh.msh_11 = "20260302090000", "made-1", "P"
    message.evn.evn_2, message.pv1.pv1_2 = "20260302090000", "O"
    message.pid.pid_3, message.pid.pid_5 = "100-8^^^OpenMRS ID", "Kamau^Grace^Wanjiru"
    message.pid.pid_7, message.pid.pid_8 = "19810325", "F"
    return str(message.to_er7()).encode()


def test_messages_are_acknowledged_once_they_are_done_and_each_is_done_once(installation: Installation) -> None:
    with installation.listening() as (_process, port), HospitalSystem(port) as hospital:
        assert hospital.said(made_elsewhere()) == ("AA", "")
        assert installation.patients()["100-8"].name == "Kamau Grace Wanjiru"
        assert hospital.said(made_elsewhere()) == ("AA", "This message was taken before.")
        married = openmrs("A08", pid(name="Otieno^Grace"), control="2")
        assert hospital.said(married) == ("AA", "")
        merge = openmrs("A40", pid(name="Otieno^Grace"), mrg("7", "Otieno^Grace"), control="3")
        assert hospital.said(merge) == ("AA", "")
        assert hospital.said(openmrs("A03", pid(), control="4")) == ("AA", "Messages of this kind are not used.")
        assert hospital.said(openemr("A04", "PID|1|5|5||Ayo^Ada||19900101|F", code="ADT"))[0] == "AA"

        other = openmrs("A08", pid(name="Njoroge^Peter", born="19500101", sex="M"), control="5")
        assert [hospital.said(other)[0] for _ in range(2)] == ["AE", "AE"]
        enhanced = other.replace(b"|P|2.5|||", b"|P|2.5|||AL").replace(b"|5|P", b"|6|P")
        assert hospital.said(enhanced)[0] == "CE"

    patients = installation.patients()
    assert {number: (one.name, one.issuer) for number, one in patients.items()} == {
        "100-8": ("Otieno Grace", "OpenMRS ID"),
        "7": ("Otieno Grace", "OpenMRS ID"),
    }
    assert patients["7"].same_as_id == patients["100-8"].id
    done, failed = ("ADT^A08", "done"), ("ADT^A08", "failed")
    assert installation.messages() == [done, done, ("ADT^A40", "done"), failed, failed]
    with installation.database.reading() as session:
        assert AuditTrail(session, utc_now).verify() is None


def test_who_is_not_listed_and_what_is_not_for_production_is_rejected(on_sqlite: Installation, tmp_path: Path) -> None:
    with on_sqlite.listening() as (_process, port), HospitalSystem(port) as hospital:
        for wrong, sentence in (
            (openmrs("A08", pid()).replace(b"|HILL|LUNGWISE", b"|VALLEY|LUNGWISE"), "not listed in hl7_peers"),
            (openmrs("A08", pid()).replace(b"|P|", b"|T|"), "Only messages for production"),
            (openmrs("S12", pid(), code="SIU"), "SIU S12 is not used here"),
            (openmrs("A08", pid(), control=""), "MSH-10 is empty"),
            (b"GET / HTTP/1.1", "not an HL7 v2 message"),
        ):
            code, said = hospital.said(wrong)
            assert code == "AR"
            assert sentence in said
    assert on_sqlite.messages() == []
    assert on_sqlite.patients()["100-8"].issuer == ""


def test_a_kill_between_commit_and_answer_loses_nothing_and_does_nothing_twice(installation: Installation) -> None:
    merge = openmrs("A40", pid(name="Kamau^Grace"), mrg("7", "Kamau^Grace"))
    contradiction = openmrs("A08", pid(name="Njoroge^Peter", born="19500101"), control="2")
    for message in (merge, contradiction):
        with installation.listening("with_kill_before_answer.py") as (process, port), HospitalSystem(port) as hospital:
            hospital.socket.sendall(b"\x0b" + message + b"\x1c\x0d")
            assert hospital.answer() == b""
            assert process.wait(60) == -9
    before = installation.messages()
    assert before == [("ADT^A40", "done"), ("ADT^A08", "failed")]

    with installation.listening() as (_process, port), HospitalSystem(port) as hospital:
        assert hospital.said(merge) == ("AA", "This message was taken before.")
        assert hospital.said(contradiction)[0] == "AE"
    assert installation.messages() == before
    assert len(installation.patients()) == 2


def test_a_peer_that_breaks_a_limit_loses_its_own_connection_alone(on_sqlite: Installation) -> None:
    with on_sqlite.listening(hl7_connections=2, hl7_kilobytes=8) as (process, port), HospitalSystem(port) as good:
        for hostile in (b"\x0bMSH|" + b"x" * 9000, b"MSH|^~\\&|", b"\x0bMSH|and then nothing"):
            with HospitalSystem(port) as peer:
                peer.socket.sendall(hostile)
                assert peer.answer() == b""
        with HospitalSystem(port), HospitalSystem(port) as third:
            assert third.answer() == b""
        assert good.said(openmrs("A08", pid()))[0] == "AA"
        process.terminate()
        assert process.wait(60) == 0
        assert good.answer() == b""


def test_tls_lets_in_who_shows_a_certificate_and_nobody_else(on_sqlite: Installation, tmp_path: Path) -> None:
    for name in ("lungwise", "hospital", "stranger"):
        make_certificate(tmp_path, name)
    files = {"certificate": "lungwise.pem", "key": "lungwise.key", "client_ca": "hospital.pem"}
    more: dict[str, Any] = {f"hl7_tls_{name}": tmp_path / file for name, file in files.items()}
    with on_sqlite.listening(**more) as (_process, port):
        known, stranger = (_tls(tmp_path, name) for name in ("hospital", "stranger"))
        with HospitalSystem(port, known) as hospital:
            assert hospital.said(openmrs("A08", pid()))[0] == "AA"
        with pytest.raises(ssl.SSLError), HospitalSystem(port, stranger) as hospital:  # TLS 1.3 says it with the answer
            hospital.socket.sendall(b"\x0b")
            hospital.socket.recv(1)
        with HospitalSystem(port) as plain:
            plain.socket.sendall(b"\x0b" + openmrs("A08", pid(sex="O")) + b"\x1c\x0d")
            assert not re.search(b"MSA", plain.answer())
    with on_sqlite.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ReceivedMessage)) == 1


@pytest.fixture
def two_hospitals(on_sqlite: Installation, tmp_path: Path) -> Installation:
    """Let a second hospital have a clinic, Dale, and a patient with Grace's number; each system has a certificate."""
    with on_sqlite.database.writing() as session:
        services = on_sqlite.over(session)
        dale = Person(None, "CR2", services.clinics.named("Dale").id, Role.NODE)
        services.patients.match_or_add(dale, GRACE)
    for name in ("lungwise", "hill-his"):
        make_certificate(tmp_path, name)
    make_certificate(tmp_path, "dale-his", "his.dale.example.org")
    (tmp_path / "hospitals.pem").write_text(
        "".join((tmp_path / f"{name}-his.pem").read_text() for name in ("hill", "dale"))
    )
    on_sqlite.settings = on_sqlite.settings.model_copy(
        update={
            "hl7_peers": "OPENMRS@HILL=Hill, OPENMRS@DALE=Dale",
            "hl7_tls_certificate": tmp_path / "lungwise.pem",
            "hl7_tls_key": tmp_path / "lungwise.key",
            "hl7_tls_client_ca": tmp_path / "hospitals.pem",
        }
    )
    return on_sqlite


def sexes(installation: Installation) -> dict[str, str | None]:
    """Give the sex of each clinic's Grace."""
    with installation.database.reading() as session:
        clinics = {one.id: one.name for one in installation.over(session).clinics.all()}
        return {clinics[one.clinic_id]: one.facts.sex for one in session.scalars(select(Patient))}


def of_dale(message: bytes) -> bytes:
    """A message as Dale's system writes it, or one that says so."""
    return message.replace(b"|OPENMRS|HILL|", b"|OPENMRS|DALE|")


def test_a_hospitals_system_speaks_for_no_other_hospital(two_hospitals: Installation, tmp_path: Path) -> None:
    names = "OPENMRS@HILL=hill-his, OPENMRS@DALE=his.dale.example.org"
    change = openmrs("A08", pid(sex="M"))
    order = openmrs("O01", pid(), "ORC|NW|1", "OBR|1|1||CHEST", code="ORM", control="2")
    with two_hospitals.listening(hl7_peer_certificates=names) as (_process, port):
        with HospitalSystem(port, _tls(tmp_path, "hill-his")) as hill:
            for claimed in (of_dale(change), of_dale(order), of_dale(openmrs("A08", pid("999")))):
                answer = hill.send(claimed)
                assert answer.msa.msa_1.value == "AR"
                assert answer.msa.msa_3.value == answer.err.err_8.value
                assert "not listed in hl7_peers, or not for the certificate" in answer.msa.msa_3.value
                assert not re.search("Hill|Dale|Kamau|patient", answer.msa.msa_3.value)
            unlisted = hill.send(change.replace(b"|OPENMRS|HILL|", b"|OPENMRS|VALLEY|"))
            assert unlisted.msa.msa_3.value == answer.msa.msa_3.value  # nobody learns which systems there are
            assert two_hospitals.messages() == []
            assert hill.said(change)[0] == "AA"
        assert sexes(two_hospitals) == {"Hill": "M", "Dale": "F"}
        with HospitalSystem(port, _tls(tmp_path, "dale-his")) as dale:
            assert dale.said(change)[0] == "AR"
            assert dale.said(of_dale(change))[0] == "AA"
    assert sexes(two_hospitals) == {"Hill": "M", "Dale": "M"}


def test_a_system_that_is_bound_to_nothing_is_warned_of_at_the_start(
    two_hospitals: Installation, tmp_path: Path
) -> None:
    settings = two_hospitals.settings.model_copy(update={"hl7_peer_addresses": "OPENMRS@HILL=127.0.0.1"})
    command, log = [sys.executable, str(HERE / "with_synthetic_reader.py"), "hl7"], tmp_path / "log"
    with log.open("wb") as errors, running(command, settings, "HL7 messages are taken at", errors.fileno()):
        said = log.read_text()
    assert "OPENMRS@DALE is bound to no certificate and no address" in said
    assert "OPENMRS@HILL is bound" not in said


def test_a_system_that_is_bound_to_an_address_sends_from_there(two_hospitals: Installation, tmp_path: Path) -> None:
    addresses = "OPENMRS@HILL=127.0.0.0/8, OPENMRS@DALE=10.0.2.0/24"
    change = openmrs("A08", pid(sex="M"))
    with (
        two_hospitals.listening(hl7_peer_addresses=addresses) as (_process, port),
        HospitalSystem(port, _tls(tmp_path, "hill-his")) as hospital,
    ):
        assert hospital.said(of_dale(change))[0] == "AR"
        assert hospital.said(change)[0] == "AA"
    assert sexes(two_hospitals) == {"Hill": "M", "Dale": "F"}


def _tls(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "lungwise.pem"))
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context
