from __future__ import annotations

from datetime import date
from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode

from lungwise.dicom.worklist_query import query_of, steps_of
from lungwise.patients.service import PatientFacts

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")  # of what the answers have wrong on purpose


def entry(**said: object) -> Dataset:
    """An answer as it comes over the network."""
    item, step = Dataset(), Dataset()
    item.SpecificCharacterSet = "ISO_IR 100"
    step.Modality, step.ScheduledProcedureStepStartDate = "dx", "20260302"
    item.PatientName, item.PatientID, item.PatientBirthDate, item.PatientSex = "Núñez^Ana^", "P1 ", "19500101", "F"
    item.AccessionNumber, item.StudyInstanceUID, item.ScheduledProcedureStepSequence = "A1 ", "1.2.3", [step]
    for name, value in said.items():
        setattr(item, name, value)
    return decode(BytesIO(encode(item, True, True) or b""), True, True)


def test_a_query_names_the_patient_and_asks_for_steps() -> None:
    query = query_of("P1")
    assert query.PatientID == "P1"
    assert [one.value for one in query if one.keyword == "AccessionNumber"] == [""]
    assert query.ScheduledProcedureStepSequence[0].Modality == ""


def test_an_answer_is_read_as_a_step() -> None:
    (step,) = steps_of(entry())
    assert (step.accession, step.study_uid, step.modality, step.day) == ("A1", "1.2.3", "DX", date(2026, 3, 2))
    assert step.patient == PatientFacts(identifier="P1", name="Núñez Ana", sex="F", birth_date=date(1950, 1, 1))


def test_what_cannot_be_a_number_a_day_or_a_sex_is_nothing() -> None:
    step = Dataset()
    step.ScheduledProcedureStepStartDate = "2026"
    said = {"AccessionNumber": "A" * 17, "PatientSex": "U", "PatientBirthDate": "", "PatientName": ""}
    (read,) = steps_of(entry(**said, ScheduledProcedureStepSequence=[step]))
    assert (read.accession, read.modality, read.day, read.patient) == ("", "", None, PatientFacts(identifier="P1"))
    assert list(steps_of(entry(ScheduledProcedureStepSequence=[]))) == []
