"""What is sent for a clinic that moves, or has moved, is refused at every way in: nobody is told that it is kept.

Programs are in test_api, objects by DICOMweb in test_dicomweb, storage commitment in test_commitment_scp.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom.uid import generate_uid
from sqlalchemy import func, select

from dicom_files import dicom_file
from dicom_peers import DX, running_node
from hl7_peer import PEERS, HospitalSystem, openmrs, pid
from lungwise.accounts.service import Accounts
from lungwise.audit.service import AuditTrail
from lungwise.hl7.models import ReceivedMessage
from lungwise.orders.service import Order
from lungwise.store import Database, FilmStore, utc_now
from lungwise.studies.models import FilmRecord
from moving_clinics import close, remove
from processes import running
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

HERE = Path(__file__).parents[1]
ORDER = openmrs("O01", pid(), "ORC|NW|7", "OBR|1|7||CXR^Chest", code="ORM")
OF_NOBODY_HERE = openmrs("A08", pid(identifier="8"), control="2")
CONTRADICTION = openmrs("A40", pid(), control="3")
"""A message that an open clinic sets aside."""


def count(database: Database, table: type[Any]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_hl7_messages_are_rejected_so_that_the_hospital_keeps_them(
    either: Settings, migrate: Callable[[Settings], None]
) -> None:
    migrate(either)
    database = Database(either)
    with database.writing() as session:
        Accounts(session, utc_now, either, AuditTrail(session, utc_now)).clinic("Hill")
    settings = either.model_copy(update={"hl7_port": 0, "hl7_peers": PEERS})
    with running([sys.executable, str(HERE / "with_synthetic_reader.py"), "hl7"], settings) as process:
        assert process.stdout is not None
        with HospitalSystem(int(process.stdout.readline().rsplit(":", 1)[1])) as hospital:
            for change in (close, lambda database: remove(database, either)):
                change(database)
                for message in (ORDER, OF_NOBODY_HERE, CONTRADICTION):
                    code, said = hospital.said(message)
                    assert code == "AR"
                    assert "moves to another installation" in said
    assert count(database, ReceivedMessage) == count(database, Order) == 0
    database.close()


def test_films_of_machines_are_refused_so_that_they_send_them_again(
    either: Settings, migrate: Callable[[Settings], None], tmp_path: Path
) -> None:
    migrate(either)
    uids = {name: generate_uid() for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")}
    film = tmp_path / "film.dcm"
    film.write_bytes(dicom_file(chest_bytes(), SOPClassUID=DX, PatientID="P1", **uids))
    with running_node(either) as node:
        for change in (close, lambda database: remove(database, either)):
            change(node.database)
            refused = node.run("storescu", "-v", film)
            assert re.search("Store Response .*(Refused: OutOfResources|0xA700)", refused.stderr + refused.stdout)
            assert count(node.database, FilmRecord) == 0
            assert list(FilmStore(either).films()) == []


def test_a_person_is_told_why(
    app: Lungwise, enrol: Callable[..., Person], visit: Callable[..., Visitor], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    close(app.database)
    answer = ada.post("/studies/new", films=[(io.BytesIO(film(1)), "1.jpg")])
    assert "This clinic is moving to another installation" in answer.text
    assert count(app.database, FilmRecord) == 0
