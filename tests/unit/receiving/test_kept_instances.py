from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dicom_files import dicom_file, report_file
from lungwise.films.dicom.header import read_header
from lungwise.patients.service import PatientFacts
from lungwise.receiving.kept_instances import KeptInstances, NotKept
from lungwise.receiving.uploads import Upload
from lungwise.store import new_key
from lungwise.studies.commitment_models import Reference
from lungwise.studies.object_models import HeldFilm
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services

DX, CR = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1"
SR = "1.2.840.10008.5.1.4.1.1.88.11"


def test_what_a_clinic_has_in_database_and_store_is_safe(services: Services) -> None:
    ada = services.person()
    film = dicom_file(chest_bytes(), SOPInstanceUID="1.2.3", StudyInstanceUID="1.2")
    study = services.studies.open(ada, PatientFacts(), [("film", film)])
    kept = KeptInstances(services.session, services.store)
    mine, other_class, unknown = Reference(DX, "1.2.3"), Reference(CR, "1.2.3"), Reference(DX, "1.2.4")
    assert kept.sort(ada.clinic_id, [mine, other_class, unknown]) == (
        [mine],
        {other_class: NotKept.CLASS_CONFLICT, unknown: NotKept.NO_SUCH_OBJECT},
    )
    assert kept.sort(ada.clinic_id + 1, [mine]) == ([], {mine: NotKept.NO_SUCH_OBJECT})
    services.store.delete(study.key)
    assert kept.sort(ada.clinic_id, [mine]) == ([], {mine: NotKept.NO_SUCH_OBJECT})


@pytest.mark.parametrize("harm", ["cut", "missing"])
def test_what_the_store_no_longer_gives_whole_is_not_safe(services: Services, harm: str) -> None:
    ada, key = services.person(), new_key()
    film = dicom_file(chest_bytes(), SOPInstanceUID="1.2.3", StudyInstanceUID="1.2")
    study = services.studies.open(ada, PatientFacts(), [("film", film)])
    data = report_file("1.2.9", StudyInstanceUID="1.2")
    report = Upload(data=data, kind="DICOM", header=read_header(data))
    services.store.put(key, data)
    services.studies.recording.objects.record(ada, key, report, "CR1")
    mine = [Reference(DX, "1.2.3"), Reference(SR, "1.2.9")]
    kept = KeptInstances(services.session, services.store)
    assert kept.sort(ada.clinic_id, mine) == (mine, {})
    for folder, name in ((study.key, study.films[0].sha256), (key, report.sha256)):
        file = services.settings.films_folder / folder[:2] / folder / name
        if harm == "cut":
            file.write_bytes(file.read_bytes()[:-100])
        else:
            file.unlink()
    assert kept.sort(ada.clinic_id, mine) == ([], dict.fromkeys(mine, NotKept.NO_SUCH_OBJECT))


def test_a_uid_under_which_a_film_is_kept_aside_is_not_safe(services: Services) -> None:
    ada = services.person()
    film = dicom_file(chest_bytes(), SOPInstanceUID="1.2.3", StudyInstanceUID="1.2")
    services.studies.open(ada, PatientFacts(), [("film", film)])
    aside = HeldFilm(
        key="aside",
        clinic_id=ada.clinic_id,
        study_uid="1.2",
        series_uid="",
        instance_uid="1.2.3",
        sha256="0" * 64,
        digest="0" * 64,
        size=1,
        sender="CR1",
        created_at=services.clock(),
        cause="pixels",
    )
    services.session.add(aside)
    services.session.flush()
    mine = Reference(DX, "1.2.3")
    assert KeptInstances(services.session, services.store).sort(ada.clinic_id, [mine]) == (
        [],
        {mine: NotKept.PROCESSING_FAILURE},
    )
