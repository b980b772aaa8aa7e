"""Storage commitment with an archive that nobody here wrote: Orthanc asks the node, and the sender asks Orthanc."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.uid import generate_uid
from sqlalchemy import select

from dicom_files import dicom_file
from dicom_peers import CR, DX, NodeProcess, running_node, until
from lungwise.studies.commitment_models import CommitmentReport, CommitmentRequest
from lungwise.studies.dispatch_models import Dispatch
from orthanc_peer import Orthanc
from servers import free_port
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from lungwise.settings import Settings


def test_films_are_committed_and_results_are_sent_once_the_archive_has_committed_them(
    settings: Settings, migrate: Callable[[Settings], None], tmp_path: Path
) -> None:
    migrate(settings)
    (tmp_path / "orthanc").mkdir()
    orthanc, port = Orthanc(tmp_path / "orthanc", free_port(), free_port()), free_port()
    uids = {name: generate_uid() for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")}
    film = tmp_path / "film.dcm"
    film.write_bytes(dicom_file(chest_bytes(), **uids, PatientID="P1"))
    node_settings = {
        "LUNGWISE_NODE_PORT": str(port),
        "LUNGWISE_NODE_COMMITMENT_TO": orthanc.name,
        "LUNGWISE_SEND_TO": orthanc.name,
        "LUNGWISE_SEND_COMMITMENT": "ARCHIVE",
    }

    def ask(kind: str = DX) -> str:
        asked = [[kind, uids["SOPInstanceUID"]], [DX, "1.2.3.4"]]
        answer = json.loads(orthanc.post("/modalities/LUNGWISE/storage-commitment", {"DicomInstances": asked}))
        return str(answer["ID"])

    def answer(transaction: str) -> dict[str, int]:
        def is_there() -> bool:
            return bool(json.loads(orthanc.get(f"/storage-commitment/{transaction}"))["Status"] != "Pending")

        until(is_there)
        found = json.loads(orthanc.get(f"/storage-commitment/{transaction}"))
        failed = {one["SOPInstanceUID"]: one["FailureReason"] for one in found["Failures"]}
        return failed | {one["SOPInstanceUID"]: 0 for one in found["Success"]}

    with orthanc.running(port):
        with running_node(settings, **node_settings) as node:
            assert node.run("dcmsend", film).returncode == 0
            assert answer(ask()) == {uids["SOPInstanceUID"]: 0, "1.2.3.4": 0x0112}
            assert answer(ask(CR)) == {uids["SOPInstanceUID"]: 0x0119, "1.2.3.4": 0x0112}
            until(lambda: sent_to_archive(node))
            with node.database.reading() as session:
                dispatch = session.scalars(select(Dispatch)).one()
                assert dispatch.committed == dispatch.accepted and len(dispatch.accepted) == 3
                assert session.scalars(select(CommitmentRequest)).all() == []
            asked = ask()
            node.process.kill()
        assert json.loads(orthanc.get(f"/storage-commitment/{asked}"))["Status"] == "Pending"
        with running_node(settings, **node_settings) as node:
            assert answer(asked) == {uids["SOPInstanceUID"]: 0, "1.2.3.4": 0x0112}
            until(lambda: nothing_waits(node))


def sent_to_archive(node: NodeProcess) -> bool:
    with node.database.reading() as session:
        dispatch = session.scalars(select(Dispatch)).one_or_none()
        return dispatch is not None and dispatch.state == "sent"


def nothing_waits(node: NodeProcess) -> bool:
    with node.database.reading() as session:
        return not session.scalars(select(CommitmentReport)).all()
