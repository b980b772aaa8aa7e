from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dicom_files import dicom_bytes, film_dataset
from lungwise.errors import Rejected
from lungwise.patients.service import PatientFacts
from lungwise.receiving.duplicates import is_renamed
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.uploads import CameraPicture, Upload
from lungwise.store import CollisionError, new_key
from lungwise.studies.models import JobState
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services


def test_each_film_of_a_study_has_its_job_and_its_uids(services: Services, film: Callable[..., bytes]) -> None:
    dicom = dicom_bytes(film_dataset(chest_bytes(), StudyInstanceUID="1.2.3", SOPInstanceUID="1.2.3.1"))
    study = services.studies.open(services.person(), PatientFacts(), [("a", dicom), ("b", film(1))])
    assert study.films[0].instance_uid == "1.2.3.1"
    assert str(study.films[1].instance_uid).startswith("2.25.")
    assert {job.state for film in study.films for job in film.jobs} == {JobState.QUEUED}


def test_a_camera_picture_waits_for_its_corners(services: Services, film: Callable[..., bytes]) -> None:
    study = services.studies.open(services.person(), PatientFacts(), [("a", film(1)), ("b", CameraPicture(film(2)))])
    due = [film.jobs[0].due_at for film in study.films]
    assert [film.by_camera for film in study.films] == [False, True] and due[0] < due[1]


def test_a_film_whose_file_is_gone_is_not_recorded(services: Services, film: Callable[..., bytes]) -> None:
    ada, recording = services.person(), services.studies.recording
    key = services.studies.open(ada, PatientFacts(), [("a", film(1))]).key
    stored = FilmFiles(services.store).put(key, [Upload(data=film(2), kind="JPEG")])
    services.store.remove(key, next(iter(stored)))
    with pytest.raises(CollisionError):
        recording.record_more(ada, key, stored)


def test_a_film_of_another_patient_is_not_admitted(services: Services, film: Callable[..., bytes]) -> None:
    ada = services.person()
    key = services.studies.open(ada, PatientFacts(identifier="7"), [("a", film(1))]).key
    dicom = dicom_bytes(film_dataset(chest_bytes(), PatientID="P-2"))
    with pytest.raises(Rejected, match="names another patient"):
        services.studies.add_films(ada, key, [("a", dicom)])


def test_a_held_film_gets_a_uid_of_its_own(services: Services, film: Callable[..., bytes]) -> None:
    ada, key = services.person(), new_key()
    stored = FilmFiles(services.store).put(key, [Upload(data=film(1), kind="JPEG")])
    study = services.studies.recording.record(ada, key, PatientFacts(), stored, renames=True)
    assert is_renamed(study.films[0])


def test_a_film_keeps_how_it_came_about_and_the_number_of_its_order(
    services: Services, film: Callable[..., bytes]
) -> None:
    header = {
        "ViewPosition": "AP",
        "Manufacturer": " Acme ",
        "ManufacturerModelName": "X" * 62,
        "AccessionNumber": "A-7",
    }
    scan = dicom_bytes(film_dataset(chest_bytes(), PatientID="P-1", **header))
    study = services.studies.open(services.person(), PatientFacts(), [("a", scan), ("b", film(1))])
    services.session.expire_all()
    kept, plain = study.films
    assert (kept.view, kept.device, kept.accession) == ("AP", ("Acme " + "X" * 62)[:64], "A-7")
    assert (plain.view, plain.device) == (None, None)
    assert kept.accession_encrypted is not None and plain.accession_encrypted is None
