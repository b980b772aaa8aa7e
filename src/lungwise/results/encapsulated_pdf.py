"""The study's report, a PDF, as a DICOM object (PS3.3, A.45.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from lungwise.results.result import MANUFACTURER, SERIES, FilmResult
from lungwise.results.study_header import StudyHeader


def encapsulated_pdf(films: Sequence[tuple[StudyHeader, FilmResult]], pdf: bytes) -> Dataset:
    """Wrap a study's report. One with other contents, after an opinion or in another language, is a new object."""
    header, result = films[0][0], films[-1][1]
    item = Dataset()
    item.file_meta = FileMetaDataset()
    item.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    item.SOPClassUID = EncapsulatedPDFStorage
    item.SOPInstanceUID = result.uid(header, "PDF", hashlib.sha256(pdf).hexdigest())
    item.StudyInstanceUID, item.SeriesInstanceUID = header.study_uid, result.series_uid(header, "PDF")
    item.Modality, item.SeriesNumber, item.InstanceNumber = "DOC", SERIES["PDF"].number, 1
    item.SeriesDescription, item.Manufacturer = SERIES["PDF"].description, MANUFACTURER
    item.ManufacturerModelName, item.SoftwareVersions = result.model, result.version
    item.ConversionType = "WSD"
    item.BurnedInAnnotation = "YES"
    item.DocumentTitle = "Lungwise report"
    item.ConceptNameCodeSequence = [_title()]
    item.VerificationFlag = "UNVERIFIED"
    item.MIMETypeOfEncapsulatedDocument = "application/pdf"
    item.EncapsulatedDocumentLength = len(pdf)
    item.EncapsulatedDocument = pdf + bytes(len(pdf) % 2)
    item.SourceInstanceSequence = [film.film_reference() for film, _result in films]
    return item


def _title() -> Dataset:
    title = Dataset()
    title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning = "18748-4", "LN", "Diagnostic imaging report"
    return title
