"""The worklist asked by peers that nobody here wrote: dcmtk's findscu and pynetdicom; and by hostile ones."""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE

from dicom_peers import RawPeer, part, status, store_command
from live_server import add_account
from lungwise.access import Person, Role
from lungwise.dicom.node import Node
from lungwise.dicom.worklist_scp import WORKLIST, WorklistScp
from lungwise.orders import scheduled
from lungwise.orders.order import OrderRequest, OrderWay
from lungwise.patients.service import PatientFacts
from lungwise.receiving.receiver import FilmReceiver
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, check_keys, utc_now
from lungwise.store.migrations import upgrade
from lungwise.wiring import Wiring

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")  # of what the queries have wrong on purpose
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DEEP = 2000
"""Sequences within one another."""


@dataclass
class Served:
    """A node with a worklist, in this process."""

    port: int
    database: Database

    def find(self, folder: Path, *keys: str, title: str = "CR1") -> list[Dataset]:
        """Ask with dcmtk's findscu, and give what it was answered."""
        folder.mkdir(exist_ok=True)
        command = ["findscu", "-W", "-X", "-od", str(folder), "-aet", title, "-aec", "LUNGWISE", "127.0.0.1"]
        asked = [argument for key in keys for argument in ("-k", key)]
        done = subprocess.run([*command, str(self.port), *asked], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return [dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]

    def ask(self, keys: Dataset, cancels_after: int = 10**6) -> list[tuple[int, Dataset | None]]:
        """Ask with pynetdicom, and give each status with its item."""
        entity = AE("CR1")
        entity.add_requested_context(WORKLIST)
        association = entity.associate("127.0.0.1", self.port, ae_title="LUNGWISE")
        assert association.is_established
        found: list[tuple[int, Dataset | None]] = []
        for answer, item in association.send_c_find(keys, WORKLIST):
            found.append((answer.Status, item))
            if len(found) == cancels_after:
                association.send_c_cancel(1, query_model=WORKLIST)
        association.release()
        return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the worklist of a clinic with three orders."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("node"), node_port=0, argon2_time=1, argon2_memory=64)
    database = Database(settings)
    upgrade(database.engine)
    check_keys(database)
    ada = add_account(database, settings, utc_now, "Ada", "Hill", Role.ADMINISTRATOR)
    wiring = Wiring(settings, FilmStore(settings))
    with database.writing() as session:
        for number, name in enumerate(("Bartók^Béla", "Schumann^Clara", "सुनीता")):
            asked = OrderRequest(accession=f"A{number}", scheduled_at=AT, station="CR1" if number else "")
            facts = PatientFacts(identifier=f"H-{number}", name=name, sex="F")
            wiring.over(session).orders.place(ada, facts, asked, OrderWay.PAGE)
    person = Person(None, "LUNGWISE", ada.clinic_id, Role.NODE)
    worklist = WorklistScp(
        database, person, lambda session, _address: wiring.over(session).scheduled_orders, lambda _session: UTC
    )
    node = Node(settings, FilmReceiver(wiring.receive(database), person), worklist=worklist)
    yield Served(node.start(), database)
    node.stop()
    database.close()


def keys_for(**asked: str) -> Dataset:
    keys = Dataset()
    for name in ("PatientName", "PatientID", "AccessionNumber", "StudyInstanceUID"):
        setattr(keys, name, asked.get(name, ""))
    step = Dataset()
    step.Modality = step.ScheduledStationAETitle = step.ScheduledProcedureStepStartDate = ""
    keys.ScheduledProcedureStepSequence = [step]
    return keys


def test_findscu_is_answered_with_the_orders_that_it_asks_for(served: Served, tmp_path: Path) -> None:
    usual = ("PatientName", "PatientID", "StudyInstanceUID", "SpecificCharacterSet=ISO_IR 100")
    step = "ScheduledProcedureStepSequence[0]"
    steps = (f"{step}.Modality=DX", f"{step}.ScheduledProcedureStepStartDate=20260301-20260302")
    found = served.find(tmp_path / "all", "AccessionNumber", *usual, *steps, f"{step}.ScheduledStationAETitle=CR1")
    assert [one.AccessionNumber for one in found] == ["A0", "A1", "A2"]
    assert [str(one.PatientName) for one in found] == ["Bartók^Béla", "Schumann^Clara", "सुनीता"]
    assert [one.get("SpecificCharacterSet") for one in found] == ["ISO_IR 100", None, "ISO_IR 192"]
    assert {one.ScheduledProcedureStepSequence[0].ScheduledStationAETitle for one in found} == {"CR1"}
    (one,) = served.find(tmp_path / "one", "PatientName=bart*", "AccessionNumber", *steps)
    assert one.AccessionNumber == "A0"
    assert served.find(tmp_path / "other", "AccessionNumber", f"{step}.Modality=CR") == []
    assert served.find(tmp_path / "later", "AccessionNumber", f"{step}.ScheduledProcedureStepStartDate=20260303") == []


def test_an_answer_may_be_cancelled_and_one_that_is_cut_says_so(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [code for code, _item in served.ask(keys_for())] == [0xFF00, 0xFF00, 0xFF00, 0x0000]
    assert served.ask(keys_for(), cancels_after=1)[-1][0] in (0xFE00, 0x0000)
    monkeypatch.setattr(scheduled, "MOST_FOUND", 2)
    assert [code for code, _item in served.ask(keys_for())] == [0xFF00, 0xFF00, 0xA700]


def test_what_cannot_be_asked_is_answered_with_a_status(served: Served) -> None:
    assert [code for code, _item in served.ask(keys_for(PatientID="*a" * 17))] == [0xA900]
    keys = keys_for()
    keys.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate = "20260101-20260199"
    assert served.ask(keys)[-1][0] == 0xA900


def query_command() -> bytes:
    """The command of a C-FIND request."""
    return store_command("1.2.3", WORKLIST, field=0x0020)


@pytest.mark.parametrize("seed", range(4))
def test_hostile_queries_are_refused_or_cut_off_and_the_node_stays_up(seed: int, served: Served) -> None:
    noise = random.Random(seed)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 2**32 - 1)
    nested = struct.pack("<HH2sHI", 0x0040, 0x0100, b"SQ", 0, 2**32 - 1) + item
    for data in (noise.randbytes(200), nested * DEEP, b"\x10\x00\x10\x00PN\xff\xff" + b"*" * 300):
        with RawPeer(served.port) as peer:
            peer.associate(WORKLIST)
            peer.socket.sendall(part(3, query_command()) + part(2, data))
            answer = peer.answer()
            assert answer[:1] in (b"\x07", b"") or status(answer) in (0x0000, 0xA900, 0xFF00)
    with RawPeer(served.port) as peer:
        peer.associate(WORKLIST)
        peer.socket.sendall(part(3, query_command()) + b"".join(part(0, bytes(16000)) for _ in range(5)))
        assert peer.is_closed()
    assert len(served.ask(keys_for())) == 4
