"""What is asked of the hospital's modality worklist, and its answers as scheduled steps (PS3.4, K.6.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from lungwise.films.dicom.text import without_carets
from lungwise.orders.order import MOST_ACCESSION
from lungwise.orders.scheduled_steps import ScheduledStep
from lungwise.patients.service import PatientFacts

_RETURNED: Final = (
    "AccessionNumber",
    "PatientName",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
)
_OF_STEP: Final = (
    "Modality",
    "ScheduledStationAETitle",
    "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime",
    "ScheduledProcedureStepID",
)


def query_of(identifier: str) -> Dataset:
    """Ask for all steps of a patient: which of them a film answers is decided here."""
    query, step = Dataset(), Dataset()
    query.SpecificCharacterSet = "ISO_IR 192"
    for name in _RETURNED:
        setattr(query, name, "")
    for name in _OF_STEP:
        setattr(step, name, "")
    query.PatientID, query.ScheduledProcedureStepSequence = identifier, [step]
    return query


def steps_of(answer: Dataset) -> Iterator[ScheduledStep]:
    """Read an answer; one of several steps counts as several."""
    for step in answer.get("ScheduledProcedureStepSequence") or ():
        yield ScheduledStep(
            accession=_number(_text(answer, "AccessionNumber")),
            study_uid=_text(answer, "StudyInstanceUID"),
            modality=_text(step, "Modality").upper(),
            day=_day(_text(step, "ScheduledProcedureStepStartDate")),
            patient=_patient(answer),
        )


def _patient(answer: Dataset) -> PatientFacts:
    name = answer.get("PatientName")
    groups = (name.alphabetic, name.ideographic, name.phonetic) if isinstance(name, PersonName) else ("", "", "")
    alphabetic, ideographic, phonetic = (without_carets(group)[:200] for group in groups)
    sex = _text(answer, "PatientSex")
    return PatientFacts(
        identifier=_text(answer, "PatientID"),
        issuer=_text(answer, "IssuerOfPatientID"),
        name=alphabetic,
        ideographic=ideographic,
        phonetic=phonetic,
        sex=sex if sex in ("F", "M", "O") else "",
        birth_date=_day(_text(answer, "PatientBirthDate")),
    )


def _text(item: Dataset, name: str) -> str:
    return str(item.get(name) or "").strip(" \0")


def _number(text: str) -> str:
    """Return an accession number that a film can have (SH); '' for anything else."""
    return text if len(text) <= MOST_ACCESSION and "\\" not in text and text.isprintable() else ""


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None
