"""A patient's earlier films from an archive that nobody here wrote: Orthanc, by C-MOVE, by C-GET and by DICOMweb."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import generate_uid
from sqlalchemy import func, select

from dicom_files import dicom_file
from dicom_peers import NodeProcess, running_node, until
from lungwise.access import Person, Role
from lungwise.audit.models import AuditEntry
from lungwise.store import FilmStore
from lungwise.studies.models import FilmRecord, Job, Study
from lungwise.studies.prior_models import DONE, PriorFetch, PriorFilm
from lungwise.wiring import Wiring
from orthanc_peer import PASSWORD, USER, Orthanc
from servers import free_port
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from lungwise.settings import Settings

TODAY = datetime.now(UTC).date()


def write_film(folder: Path, name: str, days: int, **header: str) -> Path:
    uids = {name: generate_uid() for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")}
    taken = f"{TODAY - timedelta(days=days):%Y%m%d}"
    patient = {"PatientID": "P1", "PatientName": "Curie^Marie", "PatientBirthDate": "18671107"} | header
    file = folder / f"{name}.dcm"
    file.write_bytes(
        dicom_file(chest_bytes(seed=days), **uids, **{"StudyDate": taken, "BodyPartExamined": "CHEST"} | patient)
    )
    return file


@pytest.mark.parametrize("way", ["C-MOVE", "C-GET", "DICOMweb"])
def test_earlier_films_of_the_patient_are_fetched_and_are_neither_read_nor_new(
    settings: Settings, migrate: Callable[[Settings], None], tmp_path: Path, way: str
) -> None:
    migrate(settings)
    (tmp_path / "orthanc").mkdir()
    orthanc, port = Orthanc(tmp_path / "orthanc", free_port(), free_port()), free_port()
    wanted = [write_film(tmp_path, f"earlier{days}", days) for days in (30, 300)]
    others = [
        write_film(tmp_path, "old", 365 * 9),
        write_film(tmp_path, "hand", 40, BodyPartExamined="HAND"),
        write_film(tmp_path, "other", 50, PatientID="P2"),
        write_film(tmp_path, "namesake", 60, PatientName="Hahn^Otto", PatientBirthDate="18790308"),
        write_film(tmp_path, "elsewhere", 70, IssuerOfPatientID="ELSEWHERE"),
    ]
    new = write_film(tmp_path, "new", 0)
    node_settings = {
        "LUNGWISE_NODE_PORT": str(port),
        "LUNGWISE_PRIORS_FROM": orthanc.name,
        "LUNGWISE_PRIORS_BY": way,
    }
    if way == "DICOMweb":
        signs_in = {"LUNGWISE_PRIORS_USER": USER, "LUNGWISE_PRIORS_PASSWORD": PASSWORD}
        node_settings = {"LUNGWISE_PRIORS_FROM": orthanc.dicomweb, **signs_in}
    with orthanc.running(port, dicomweb=way == "DICOMweb"), running_node(settings, **node_settings) as node:
        files = map(str, [*wanted, *others])
        subprocess.run(["dcmsend", "-aec", "ARCHIVE", "127.0.0.1", str(orthanc.dicom), *files], check=True)
        assert node.run("dcmsend", new).returncode == 0
        node.until_read()
        until(lambda: has_fetched(node), 60)
        with node.database.reading() as session:
            priors = session.scalars(select(PriorFilm).order_by(PriorFilm.taken_on.desc())).all()
            assert [prior.taken_on for prior in priors] == [TODAY - timedelta(days=days) for days in (30, 300)]
            counts = [session.scalar(select(func.count()).select_from(table)) for table in (Study, FilmRecord, Job)]
            assert counts == [1, 1, 1]
            study = session.scalars(select(Study)).one()
            actions = session.scalars(select(AuditEntry.action)).all()
            assert actions.count("fetched prior") == 2
            store, key = FilmStore(node.settings), study.key
            assert all(store.get(prior.key, prior.sha256)[128:132] == b"DICM" for prior in priors)
        with node.database.writing() as session:
            services = Wiring(node.settings, store).over(session)
            somebody = Person(None, "Ada", study.clinic_id, Role.ADMINISTRATOR)
            patient = services.studies.patient(somebody, services.studies.get(somebody, key))
            assert len(services.priors.of_patient(somebody, patient)) == 2
            folders = [prior.key for prior in services.priors.of_patient(somebody, patient)]
            services.patient_studies.delete_patient(somebody, patient.key)
        with node.database.reading() as session:
            assert session.scalar(select(func.count()).select_from(PriorFilm)) == 0
            assert not {folder for folder, _name in store.films()} & {*folders, key}


def has_fetched(node: NodeProcess) -> bool:
    with node.database.reading() as session:
        fetch = session.scalars(select(PriorFetch)).one_or_none()
        return fetch is not None and fetch.state == DONE
