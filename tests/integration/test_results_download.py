"""The results of a film as a person downloads them from the study's page."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread

from dicom_checks import errors_of
from dicom_files import dicom_file
from lungwise.audit.models import AuditEntry

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

WORDS = np.tile(np.arange(256, dtype=np.uint16) * 16, (300, 1))
DICOM = dicom_file(
    WORDS, BitsStored=12, StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.4", PatientID="77", PatientName="Doe^Jane"
)


@pytest.fixture
def doctor(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> Visitor:
    enrol(app, "asha")
    enrol(app, "bo", "Valley")
    visitor = visit(app)
    visitor.sign_in("asha@example.org")
    return visitor


def link_of(doctor: Visitor, study: str) -> str:
    return str(re.findall(r"/films/\w+/results\.zip", doctor.get(study).text)[0])


@pytest.mark.parametrize("is_dicom", [True, False])
def test_the_results_are_downloaded_and_valid(
    is_dicom: bool, doctor: Visitor, film: Callable[..., bytes], tmp_path: Path
) -> None:
    study = doctor.upload(DICOM if is_dicom else film(1), identifier="" if is_dicom else "77")
    answer = doctor.get(link_of(doctor, study))
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.data)) as packed:
        objects = {name: dcmread(io.BytesIO(packed.read(name))) for name in packed.namelist()}
    hot = {"outlines.dcm", "segmentation.dcm"}
    expected = {"structured-report.dcm", "heat-map.dcm", "report.dcm"}
    assert set(objects) == expected | (hot if is_dicom else {"film.dcm"})  # the other film is nowhere hot
    assert len({item.StudyInstanceUID for item in objects.values()}) == 1
    assert {item.PatientID for item in objects.values()} == {"77"}
    assert [error for item in objects.values() for error in errors_of(item, tmp_path)] == []
    assert bytes(objects["report.dcm"].EncapsulatedDocument).startswith(b"%PDF")


def test_the_download_is_in_the_audit_trail_and_another_clinic_gets_nothing(
    app: Lungwise, doctor: Visitor, visit: Callable[..., Visitor], film: Callable[..., bytes]
) -> None:
    link = link_of(doctor, doctor.upload(film(1), identifier="77"))
    stranger = visit(app)
    stranger.sign_in("bo@example.org")
    assert stranger.get(link).status_code == 404
    assert doctor.get(link).status_code == 200
    with app.database.reading() as session:
        actions = [(entry.action, entry.subject_key) for entry in session.query(AuditEntry)]
    assert actions.count(("exported", link.split("/")[2])) == 1
