"""A report that says something else than the one that an archive has names that as its predecessor (PS3.3, C.17.2)."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import UID

from lungwise.studies.sent_reports import ReportVersion
from lungwise.studies.uids import own_uid


def as_version(report: Dataset, sent: Sequence[ReportVersion]) -> None:
    """Name a report's predecessor, and derive the report's UID from it.

    Parameters
    ----------
    report
        Its UID is derived from its contents.
    sent
        What archives have of the study, the newest first. If that is this report, it stays the object that they have.
    """
    before = sent[1:] if sent and _uid(report, sent[1:]) == sent[0].instance_uid else sent
    if not before:
        return
    uid = UID(_uid(report, before))
    report.PredecessorDocumentsSequence = [_reference(before[0], str(report.SOPClassUID))]
    report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = uid


def _uid(report: Dataset, before: Sequence[ReportVersion]) -> str:
    """Return the UID of a report that follows others."""
    return own_uid("version", report.SOPInstanceUID, before[0].instance_uid) if before else str(report.SOPInstanceUID)


def _reference(version: ReportVersion, kind: str) -> Dataset:
    instance, series, study = Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = kind, version.instance_uid
    series.SeriesInstanceUID, series.ReferencedSOPSequence = version.series_uid, [instance]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = version.study_uid, [series]
    return study
