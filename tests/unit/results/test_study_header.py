from dataclasses import replace

import pytest
from pydicom import config
from pydicom.uid import SecondaryCaptureImageStorage

from dicom_files import dicom_bytes, film_dataset
from film_results import FACTS
from lungwise.films.dicom.header import kept_number
from lungwise.results.study_header import study_header
from synthetic_films import chest_bytes


def dicom(**attributes: str) -> bytes:
    return dicom_bytes(film_dataset(chest_bytes(), **attributes))


def test_a_picture_takes_all_from_what_lungwise_knows() -> None:
    header = study_header(b"a picture", FACTS)
    assert (header.study_uid, header.film_series, header.film_uid) == ("2.25.1", "2.25.2", "2.25.3")
    assert (header.modules.PatientID, header.modules.StudyDate, header.offset) == ("L-17", "20260304", "+0000")
    assert header.film_reference().ReferencedSOPClassUID == SecondaryCaptureImageStorage


def test_a_patient_is_taken_whole_from_the_film() -> None:
    modules = study_header(dicom(PatientID="7", PatientName="Doe^Jane"), FACTS).modules
    assert (modules.PatientID, str(modules.PatientName), modules.PatientSex) == ("7", "Doe^Jane", "")


def test_a_patients_number_that_is_too_long_is_written_as_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in ("reading_validation_mode", "writing_validation_mode"):
        monkeypatch.setattr(config.settings, mode, config.IGNORE)
    modules = study_header(dicom(PatientID="1" * 70, IssuerOfPatientID="2" * 70), FACTS).modules
    assert (modules.PatientID, modules.IssuerOfPatientID) == (kept_number("1" * 70), kept_number("2" * 70))


def test_a_renamed_film_is_referred_to_by_its_new_uid() -> None:
    film = dicom(SOPInstanceUID="1.2.3", StudyInstanceUID="1.2")
    assert study_header(film, FACTS).film_uid == "1.2.3"
    assert study_header(film, replace(FACTS, renamed="2.25.9")).film_uid == "2.25.9"


@pytest.mark.parametrize(("offset", "local"), [("+0530", "103607"), ("-0330", "013607"), ("+0000", "050607")])
def test_times_are_of_the_films_time_zone(offset: str, local: str) -> None:
    header = study_header(dicom(TimezoneOffsetFromUTC=offset), FACTS)
    assert header.local(FACTS.made_at) == ("20260304", local)


def test_the_accession_number_that_was_looked_up_fills_what_the_film_leaves_open() -> None:
    facts = replace(FACTS, accession="A1")
    assert study_header(dicom(), facts).modules.AccessionNumber == "A1"
    assert study_header(dicom(AccessionNumber="B7"), facts).modules.AccessionNumber == "B7"
