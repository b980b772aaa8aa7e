from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from lungwise.errors import Rejected
from lungwise.patients.service import PatientFacts
from lungwise.reports.patient_export import PatientExport
from lungwise.reports.service import Reports
from lungwise.reports.study_archive import StudyArchive, open_archived
from lungwise.studies.priors import Priors
from prior_films import add_prior

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Services


def export_of(services: Services, priors: Priors) -> PatientExport:
    reports = Reports(services.studies, str, services.settings)
    return PatientExport(services.studies, services.patients, priors, reports, services.clock, str)


def test_an_archived_study_is_encrypted_and_opens_with_the_keys_alone(
    services: Services, film: Callable[..., bytes], tmp_path: Path
) -> None:
    ada, data, keys = services.person(), film(1, 8), services.store.keys
    facts = PatientFacts(identifier="7", name="Béla Bartók")
    study = services.studies.open(ada, facts, [("a", data)])
    services.read_all()
    patient = services.studies.patient(ada, study)
    newer, older = (add_prior(services.session, services.store, services.clock, patient, n) for n in (1, 2))
    priors = Priors(services.session, services.store, services.patients.records)
    file = StudyArchive(tmp_path / "old", keys, export_of(services, priors)).keep(ada, study.key, "Hill")
    assert (file.name, file.stat().st_mode & 0o77) == (f"{ada.clinic_id}-{study.key}.lungwise", 0)
    assert "Bartók".encode() not in file.read_bytes() and data[:64] not in file.read_bytes()
    opened = zipfile.ZipFile(io.BytesIO(open_archived(file, keys)))
    assert any(opened.read(name) == data for name in opened.namelist())
    listed = {one["name"]: one["sha256"] for one in json.loads(opened.read("index.json"))["files"]}
    for prior in (newer, older):
        name = f"earlier-films/{prior.taken_on}-{prior.key}.dcm"
        assert opened.read(name) == priors.data(prior)
        assert listed[name] == hashlib.sha256(opened.read(name)).hexdigest()
    other = file.with_name("1-0123456789abcdef0123.lungwise")
    for bad in (file.rename(other), file.with_name("study.zip")):
        bad.write_bytes(other.read_bytes())
        with pytest.raises(Rejected):
            open_archived(bad, keys)


def test_a_folder_that_cannot_be_written_is_named(
    services: Services, film: Callable[..., bytes], tmp_path: Path
) -> None:
    ada = services.person()
    study = services.studies.open(ada, PatientFacts(identifier="7"), [("a", film(1, 8))])
    priors = Priors(services.session, services.store, services.patients.records)
    (tmp_path / "taken").write_bytes(b"")
    folder = tmp_path / "taken" / "old"
    archive = StudyArchive(folder, services.store.keys, export_of(services, priors))
    with pytest.raises(Rejected, match=f"Nothing can be written to {folder}"):
        archive.keep(ada, study.key, "Hill")
