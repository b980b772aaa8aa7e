"""The study's report, a PDF, as a DICOM object (PS3.3, A.45.1)."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from lungwise.dicom.result import MANUFACTURER, Result
from lungwise.dicom.study_header import StudyHeader

_SERIES_NUMBER = 8803


@dataclass(frozen=True, slots=True)
class Report:
    """The PDF of a study's report, and which edition it is: an opinion or another language makes a new one."""

    pdf: bytes
    edition: str


def encapsulated_pdf(header: StudyHeader, result: Result, report: Report) -> Dataset:
    """Wrap the report. A new edition is a new object of the same series."""
    item = Dataset()
    item.file_meta = FileMetaDataset()
    item.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    item.SOPClassUID = EncapsulatedPDFStorage
    item.SOPInstanceUID = result.uid(header, "PDF", report.edition)
    item.StudyInstanceUID, item.SeriesInstanceUID = header.study_uid, result.uid(header, "PDF", "series")
    item.Modality, item.SeriesNumber, item.InstanceNumber = "DOC", _SERIES_NUMBER, 1
    item.SeriesDescription, item.Manufacturer = "Lungwise report", MANUFACTURER
    item.ManufacturerModelName, item.SoftwareVersions = result.model, result.version
    item.ConversionType = "WSD"
    item.BurnedInAnnotation = "YES"
    item.DocumentTitle = "Lungwise report"
    item.ConceptNameCodeSequence = [_title()]
    item.VerificationFlag = "UNVERIFIED"
    item.MIMETypeOfEncapsulatedDocument = "application/pdf"
    item.EncapsulatedDocumentLength = len(report.pdf)
    item.EncapsulatedDocument = report.pdf + bytes(len(report.pdf) % 2)
    item.SourceInstanceSequence = [_source(header)]
    return item


def _title() -> Dataset:
    title = Dataset()
    title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning = "18748-4", "LN", "Diagnostic imaging report"
    return title


def _source(header: StudyHeader) -> Dataset:
    film = Dataset()
    film.ReferencedSOPClassUID, film.ReferencedSOPInstanceUID = header.film_class, header.film_uid
    return film
