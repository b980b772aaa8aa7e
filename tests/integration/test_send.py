"""Results on their way to an archive: Orthanc, from Debian."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom.uid import generate_uid
from sqlalchemy import func, select

from conftest import PASSWORD
from dicom_files import dicom_file
from dicom_peers import NodeProcess, make_certificate, running_node, until
from forked import start
from lungwise.access import Role
from lungwise.accounts.service import Applicant
from lungwise.cli.synthetic_film import synthetic_film
from lungwise.settings import Settings
from lungwise.store import FilmStore
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.dispatch_models import Dispatch
from lungwise.studies.models import ReadingRecord, Study
from lungwise.studies.service import Conclusion
from lungwise.wiring import Wiring
from orthanc_peer import Orthanc, listens
from processes import SYNTHETIC
from servers import free_port
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


@pytest.fixture
def orthanc(tmp_path: Path) -> Orthanc:
    (tmp_path / "orthanc").mkdir()
    return Orthanc(tmp_path / "orthanc", free_port(), free_port())


@pytest.fixture
def film(tmp_path: Path) -> Path:
    file = tmp_path / "film.dcm"
    uids = {name: generate_uid() for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")}
    file.write_bytes(dicom_file(np.asarray(synthetic_film(0, 8)), **uids, PatientID="P1", PatientName="Curie^Marie"))
    return file


def lungwise_send(node: NodeProcess, archive: str, *study: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "LUNGWISE_DATA_FOLDER": str(node.settings.data_folder),
        "LUNGWISE_SEND_TO": archive,
        **more,
    }
    with tempfile.TemporaryFile("w+") as errors:
        process = start([*SYNTHETIC, "send", "--json", *study], environment, errors.fileno())
        said, _none = process.communicate(timeout=240)
        errors.seek(0)
        return subprocess.CompletedProcess(["send"], process.returncode or 0, said, errors.read())


def dispatch(node: NodeProcess) -> Dispatch | None:
    with node.database.reading() as session:
        return session.scalars(select(Dispatch)).one_or_none()


def test_results_arrive_in_the_films_own_study_and_the_archive_shows_them(
    settings: Settings, migrate: Callable[[Settings], None], orthanc: Orthanc, film: Path
) -> None:
    migrate(settings)
    with orthanc.running(), running_node(settings, LUNGWISE_SEND_TO=orthanc.name) as node:
        subprocess.run(["dcmsend", "-aec", "ARCHIVE", "127.0.0.1", str(orthanc.dicom), str(film)], check=True)
        assert node.run("dcmsend", film).returncode == 0
        until(lambda: (sent := dispatch(node)) is not None and sent.state == "sent")
        study = orthanc.all("studies")
        assert len(study) == 1
        modalities = sorted(series["MainDicomTags"]["Modality"] for series in orthanc.all("series"))
        assert modalities == ["DOC", "DX", "OT", "PR", "SR"]
        instances = {series["MainDicomTags"]["Modality"]: series["Instances"] for series in orthanc.all("series")}
        assert [len(found) for found in instances.values()] == [1] * 5
        assert orthanc.get(f"/instances/{instances['DOC'][0]}/pdf").startswith(b"%PDF-")
        assert orthanc.get(f"/instances/{instances['OT'][0]}/preview").startswith(b"\x89PNG")
        report = json.loads(orthanc.get(f"/instances/{instances['SR'][0]}/simplified-tags"))
        assert report["PatientID"] == "P1"
        assert "COVID-19" in json.dumps(report["ContentSequence"])

        with node.database.reading() as session:
            key = session.scalars(select(Study.key)).one()
        again = lungwise_send(node, orthanc.name, key)
        assert (again.returncode, again.stdout) == (0, "")
        sent = dispatch(node)
        assert sent is not None
        assert (sent.attempts, len(sent.accepted)) == (1, 4)
        assert len(orthanc.all("instances")) == 5

        with node.database.writing() as session:  # a doctor concludes: the archive gets the new report by itself
            services = Wiring(node.settings, FilmStore(node.settings)).over(session)
            doctor = services.accounts.add(Applicant("Ada", "ada@example.org", PASSWORD), "Hill", Role.ADMINISTRATOR)
            services.studies.conclude(doctor.person, key, Conclusion(conclusion=Diagnosis.TUBERCULOSIS))
        until(lambda: len(orthanc.all("instances")) == 7)
        counts = {series["MainDicomTags"]["Modality"]: len(series["Instances"]) for series in orthanc.all("series")}
        assert counts == {"DOC": 2, "DX": 1, "OT": 1, "PR": 1, "SR": 2}
        reports = next(one["Instances"] for one in orthanc.all("series") if one["MainDicomTags"]["Modality"] == "SR")
        said = [orthanc.get(f"/instances/{one}/simplified-tags").decode() for one in reports]
        assert sorted("Impression" in one and "154283005" in one for one in said) == [False, True]


def test_results_wait_for_an_archive_that_is_away(
    settings: Settings,
    orthanc: Orthanc,
    film: Path,
    app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")

    def page() -> str:
        with app.database.reading() as session:
            return ada.get(f"/studies/{session.scalars(select(Study.key)).one()}").text

    with running_node(settings) as node:  # no archive is set yet
        assert node.run("dcmsend", film).returncode == 0
        node.until_read()
        assert dispatch(node) is None
        with node.database.reading() as session:
            key = session.scalars(select(Study.key)).one()
        away = lungwise_send(node, orthanc.name, key)
        assert away.returncode == 3, away.stderr
        line = json.loads(away.stdout)
        assert (line["study"], line["state"], line["error"]) == (key, "queued", "ARCHIVE cannot be reached")
        assert "Waiting to be sent to the archive ARCHIVE" in page()
        with orthanc.running():
            there = lungwise_send(node, orthanc.name)
            assert there.returncode == 0, there.stdout + there.stderr
            assert len(orthanc.all("instances")) == 4
        assert "Sent to the archive ARCHIVE" in page()
        assert lungwise_send(node, orthanc.name, "nonsense").returncode == 1


@contextmanager
def storescp(folder: Path, port: int) -> Iterator[Path]:
    """Run dcmtk's archive, which speaks TLS alone and to our certificate alone; give the folder of what came."""
    got = folder / "got"
    got.mkdir()
    tls = ["+tls", str(folder / "archive.key"), str(folder / "archive.pem"), "+cf", str(folder / "own.pem")]
    command = ["storescp", *tls, "-aet", "ARCHIVE", "-od", str(got), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port))
        yield got
    finally:
        process.terminate()
        process.wait(240)


def test_results_go_over_tls_to_the_archive_that_shows_the_right_certificate_alone(
    settings: Settings, migrate: Callable[[Settings], None], film: Path, tmp_path: Path
) -> None:
    migrate(settings)
    for name in ("archive", "own", "stranger"):
        make_certificate(tmp_path, name)
    own = {
        "LUNGWISE_NODE_TLS_CERTIFICATE": str(tmp_path / "own.pem"),
        "LUNGWISE_NODE_TLS_KEY": str(tmp_path / "own.key"),
    }
    port = free_port()
    archive = f"ARCHIVE@127.0.0.1:{port}"
    with running_node(settings) as node, storescp(tmp_path, port) as got:
        assert node.run("dcmsend", film).returncode == 0
        node.until_read()
        with node.database.reading() as session:
            key = session.scalars(select(Study.key)).one()
        wants_tls = "ARCHIVE ends the connection without an answer: it may want TLS (setting send_tls_ca)"
        stranger = {"LUNGWISE_SEND_TLS_CA": str(tmp_path / "stranger.pem")}
        not_accepted = "TLS with ARCHIVE fails: its certificate is not accepted (self-signed certificate)"
        for wrong, error in ({}, wants_tls), (own | stranger, not_accepted):
            refused = lungwise_send(node, archive, key, **wrong)
            assert refused.returncode == 3, refused.stderr
            assert json.loads(refused.stdout)["error"] == error
        assert list(got.iterdir()) == []
        arrived = lungwise_send(node, archive, **own, LUNGWISE_SEND_TLS_CA=str(tmp_path / "archive.pem"))
        assert arrived.returncode == 0, arrived.stdout + arrived.stderr
        assert len(list(got.iterdir())) == 4


ROUTED = int(os.environ.get("LUNGWISE_TEST_ROUTED", "4"))
"""Films that are routed."""


def test_an_archive_that_routes_everything_back_makes_no_reading_of_a_result(
    settings: Settings, migrate: Callable[[Settings], None], orthanc: Orthanc, tmp_path: Path
) -> None:
    migrate(settings)
    files = [tmp_path / f"{number}.dcm" for number in range(ROUTED)]
    for number, file in enumerate(files):
        uids = {name: generate_uid() for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")}
        file.write_bytes(dicom_file(chest_bytes(seed=number), **uids, PatientID=f"P{number}"))

    def count(what: type[ReadingRecord] | type[Dispatch]) -> int:
        with node.database.reading() as session:
            sent = [Dispatch.state == "sent"] if what is Dispatch else []
            return session.scalar(select(func.count()).select_from(what).where(*sent)) or 0

    with running_node(settings, LUNGWISE_SEND_TO=orthanc.name) as node, orthanc.running(node.port, routes=True):
        subprocess.run(["dcmsend", "-aec", "ARCHIVE", "127.0.0.1", str(orthanc.dicom), *map(str, files)], check=True)
        until(lambda: count(Dispatch) == ROUTED)
        log = settings.data_folder / "node.log"
        until(lambda: log.read_text().count("Lungwise's own result") >= 3 * ROUTED)
        node.until_read()
        assert count(ReadingRecord) == ROUTED
        assert len(orthanc.all("instances")) == 4 * ROUTED
