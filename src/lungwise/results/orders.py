"""What result objects repeat of the order that a film answers, so that the hospital finds them by it."""

from __future__ import annotations

from pydicom.dataset import Dataset

from lungwise.films.dicom.header import RequestedProcedure
from lungwise.results.study_header import StudyHeader, cleaned


def request_attributes(header: StudyHeader) -> list[Dataset]:
    """Write the Request Attributes Sequence (PS3.3, C.7.3.1), where the film has one."""
    if header.requested is None:
        return []
    item = _described(header.requested)
    steps = {
        "ScheduledProcedureStepID": cleaned(header.requested.step_id, "SH"),
        "ScheduledProcedureStepDescription": cleaned(header.requested.step_description, "LO"),
        "AccessionNumber": str(header.modules.AccessionNumber),
    }
    for name, value in steps.items():
        if value:
            setattr(item, name, value)
    return [item] if item else []


def referenced_requests(header: StudyHeader) -> list[Dataset]:
    """Write the Referenced Request Sequence (PS3.3, C.17.2), where the film says which order it answers."""
    accession = str(header.modules.AccessionNumber)
    if header.requested is None and not accession:
        return []
    requested = header.requested or RequestedProcedure()
    item = Dataset()
    item.RequestedProcedureID = item.RequestedProcedureDescription = ""
    item.RequestedProcedureCodeSequence = []
    item.update(_described(requested))
    item.StudyInstanceUID = cleaned(requested.study_uid, "UI") or header.study_uid
    item.ReferencedStudySequence = []
    item.AccessionNumber = accession
    item.PlacerOrderNumberImagingServiceRequest = item.FillerOrderNumberImagingServiceRequest = ""
    return [item]


def _described(requested: RequestedProcedure) -> Dataset:
    item = Dataset()
    values = {
        "RequestedProcedureID": cleaned(requested.procedure_id, "SH"),
        "RequestedProcedureDescription": cleaned(requested.description, "LO"),
    }
    for name, value in values.items():
        if value:
            setattr(item, name, value)
    if requested.code and (code := _code(*requested.code)):
        item.RequestedProcedureCodeSequence = [code]
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset | None:
    """Write a code, where it is one."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = cleaned(value, "SH"), cleaned(scheme, "SH")
    code.CodeMeaning = cleaned(meaning, "LO")
    return code if code.CodeValue and code.CodingSchemeDesignator and code.CodeMeaning else None
