"""A modality worklist as data: what a machine asks, and an order as it is answered (PS3.4, K.6)."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from lungwise.errors import Rejected
from lungwise.orders.order import Procedure
from lungwise.orders.scheduled import Scheduled, ScheduledQuery
from lungwise.results.study_header import cleaned

_MOST_KEYS: Final = 200
"""Attributes that one query asks for, with those of its step."""
_MOST_UIDS: Final = 64
_STEPS = "ScheduledProcedureStepSequence"
_PRIORITIES: Final = {"stat": "STAT", "urgent": "HIGH", "routine": "ROUTINE"}
_DAY = re.compile(r"\d{8}")
_DAYS = re.compile(r"(\d{8})?-(\d{8})?")


def read_query(keys: Dataset, zone: tzinfo) -> ScheduledQuery:
    """Read what a machine asks for; days are those of a time zone.

    Raises
    ------
    Rejected
        If it asks for too much, or a day is none.
    """
    step = _step(keys)
    if len(keys) + len(step) > _MOST_KEYS:
        raise Rejected(f"A query has {_MOST_KEYS} attributes at most.")
    if not any(map(_is_known, keys)):
        raise Rejected("A query asks for at least one attribute.")
    uids = [uid for uid in str(_text(keys, "StudyInstanceUID")).split("\\") if uid]
    if len(uids) > _MOST_UIDS:
        raise Rejected(f"A query names {_MOST_UIDS} UIDs at most.")
    first, last = _moments(_text(step, "ScheduledProcedureStepStartDate"), zone)
    number = next(filter(None, (_text(keys, "AccessionNumber"), _text(keys, "RequestedProcedureID"))), "")
    return ScheduledQuery(
        patient_id=_text(keys, "PatientID"),
        patient_name=_text(keys, "PatientName"),
        accession=number or _text(step, "ScheduledProcedureStepID"),
        station=_text(step, "ScheduledStationAETitle"),
        modality=_text(step, "Modality"),
        study_uids=tuple(uids),
        first=first,
        last=last,
    )


def answer(one: Scheduled, keys: Dataset, caller: str, zone: tzinfo) -> Dataset:
    """Write an order with the attributes that are asked for, in a character set that the machine reads."""
    whole = _written(one, keys, caller, zone)
    chosen = _chosen(whole, keys)
    chosen.SpecificCharacterSet = _character_set(chosen, _text(keys, "SpecificCharacterSet"))
    if not chosen.SpecificCharacterSet:
        del chosen.SpecificCharacterSet
    return chosen


def _written(one: Scheduled, keys: Dataset, caller: str, zone: tzinfo) -> Dataset:
    order, patient = one.order, one.patient
    item = Dataset()
    item.AccessionNumber = order.accession
    item.ReferringPhysicianName = cleaned(order.referring_physician, "PN")
    item.PatientName = cleaned("=".join((patient.name, patient.ideographic, patient.phonetic)).rstrip("="), "PN")
    item.PatientID = cleaned(patient.identifier, "LO")
    item.IssuerOfPatientID = cleaned(patient.issuer, "LO")
    item.PatientBirthDate = patient.birth_date.strftime("%Y%m%d") if patient.birth_date else ""
    item.PatientSex = patient.sex
    item.StudyInstanceUID = order.study_uid
    item.RequestingPhysician = cleaned(order.ordered_by, "PN")
    item.RequestedProcedureDescription = order.procedure.description or "Chest X-ray"
    item.RequestedProcedureCodeSequence = _codes(order.procedure)
    item.RequestedProcedureID = order.accession
    item.RequestedProcedurePriority = _PRIORITIES[order.urgency]
    item.ReasonForTheRequestedProcedure = cleaned(" ".join(order.reason.split()), "LO")
    item.ReferencedStudySequence, item.ReferencedPatientSequence = [], []
    item.ScheduledProcedureStepSequence = [_scheduled_step(one, _step(keys), caller, zone)]
    return item


def _scheduled_step(one: Scheduled, asked: Dataset, caller: str, zone: tzinfo) -> Dataset:
    at = one.order.scheduled_at.astimezone(zone)
    station = _text(asked, "ScheduledStationAETitle")
    step = Dataset()
    step.Modality = one.order.modality
    step.ScheduledStationAETitle = one.order.station or ("" if _is_wild(station) else station) or caller
    step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = at.strftime("%Y%m%d"), f"{at:%H%M%S}"
    step.ScheduledPerformingPhysicianName = ""
    step.ScheduledProcedureStepDescription = one.order.procedure.description or "Chest X-ray"
    step.ScheduledProtocolCodeSequence = _codes(one.order.procedure)
    step.ScheduledProcedureStepID = one.order.accession
    step.ScheduledProcedureStepStatus = "SCHEDULED" if one.order.study_key is None else "STARTED"
    return step


def _codes(procedure: Procedure) -> list[Dataset]:
    if not (procedure.code and procedure.scheme):
        return []
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = procedure.code, procedure.scheme
    code.CodeMeaning = procedure.description or procedure.code
    return [code]


def _chosen(whole: Dataset, keys: Dataset) -> Dataset:
    """Leave the attributes that are asked for; what is not known of them is empty (PS3.4, C.4.1.1.3.2)."""
    chosen = Dataset()
    for element in keys:
        if not _is_known(element):
            continue
        known, kind = whole.get(element.tag), dictionary_VR(element.tag)
        if known is None:
            chosen.add_new(element.tag, kind.split(" or ")[0], [] if kind == "SQ" else None)
        elif element.keyword == _STEPS and element.value:
            chosen.ScheduledProcedureStepSequence = [_chosen(known.value[0], element.value[0])]
        else:
            chosen[element.tag] = known
    return chosen


def _is_known(element: DataElement) -> bool:
    """Return whether an attribute is one of the standard's that an answer may have."""
    return bool(element.keyword) and element.tag.group >= 8 and element.keyword != "SpecificCharacterSet"


def _character_set(item: Dataset, asked: str) -> str:
    """Return the character set that has all letters: none for ASCII, else the machine's, Latin-1, or UTF-8."""
    letters = "".join(_texts(item))
    if letters.isascii():
        return ""
    usual = [asked] if asked and asked in python_encoding else []
    return next((name for name in (*usual, "ISO_IR 100") if _can_write(name, letters)), "ISO_IR 192")


def _can_write(name: str, letters: str) -> bool:
    try:
        letters.encode(python_encoding[name])
    except UnicodeEncodeError:
        return False
    return True


def _texts(item: Dataset) -> list[str]:
    found: list[str] = []
    for element in item:
        if element.VR == "SQ":
            found += [text for inner in element.value for text in _texts(inner)]
        else:
            found.append(str(element.value))
    return found


def _moments(text: str, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
    """Return from when and before when: of a day, or of days from one to another."""
    if not text:
        return None, None
    days = (text, text) if _DAY.fullmatch(text) else _DAYS.fullmatch(text) and text.split("-")
    if not days:
        raise Rejected("A day is written as YYYYMMDD, days as YYYYMMDD-YYYYMMDD.")
    first, last = (_midnight(day, zone) if day else None for day in days)
    return first, last + timedelta(days=1) if last else None


def _midnight(day: str, zone: tzinfo) -> datetime:
    try:
        found = datetime.strptime(day, "%Y%m%d")
        return datetime.combine(found, time(), zone) if 1900 < found.year < 9000 else _no_day(day)
    except ValueError:
        return _no_day(day)


def _no_day(day: str) -> datetime:
    raise Rejected(f"There is no day {day}.")


def _step(keys: Dataset) -> Dataset:
    items = keys.get(_STEPS) or []
    return items[0] if items else Dataset()


def _text(keys: Dataset, name: str) -> str:
    """Return what a key asks for, in one text; '' for everything."""
    value = keys.get(name)
    if value is None:
        return ""
    values = value if isinstance(value, list) or type(value).__name__ == "MultiValue" else [value]
    text = "\\".join(str(one).strip() for one in values)
    return "" if text.strip("*") == "" else text


def _is_wild(text: str) -> bool:
    return "*" in text or "?" in text
