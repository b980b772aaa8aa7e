"""A film's results as DICOM objects, in the film's own study."""

from __future__ import annotations

import io
from datetime import datetime

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from lungwise.films import Film, Refusal, open_film
from lungwise.reading.reading import Reading
from lungwise.results.encapsulated_pdf import encapsulated_pdf
from lungwise.results.result import FILM, IMPLEMENTATION_NAME, IMPLEMENTATION_UID, SERIES, FilmResult, Series
from lungwise.results.study_header import StudyFacts, StudyHeader, study_header

__all__ = [
    "FilmResult",
    "StudyFacts",
    "file_bytes",
    "film_object",
    "film_series",
    "result_objects",
    "result_series",
]


def result_objects(data: bytes, facts: StudyFacts, result: FilmResult, report: bytes | None) -> list[Dataset]:
    """Make the objects that go beside a film in its study.

    Parameters
    ----------
    data
        The film's bytes: DICOM, whose patient and study the objects take, or a picture.
    facts
        What Lungwise knows of the film; used where its bytes say nothing.
    result
        What the model said of it.
    report
        The study's report, as PDF, where it can be written.

    Returns
    -------
    Structured report, heat map over the film (of a film that was read) and report. The same film, model and
    version give the same UIDs; a report that says something else is another object.
    """
    from lungwise.results.secondary_capture import heat_map_capture  # here: highdicom is slow to load
    from lungwise.results.structured_report import structured_report

    header, film = study_header(data, facts), _decoded(data, facts)
    objects = [structured_report(header, result)]
    if isinstance(result.outcome, Reading) and film is not None:
        objects.append(heat_map_capture(header, result, result.outcome, film))
    if report is not None:
        objects.append(encapsulated_pdf(header, result, report))
    for item in objects:
        _finish(item, header, result.made_at)
    return objects


def result_series(data: bytes, facts: StudyFacts, result: FilmResult, *, with_pdf: bool = True) -> list[Dataset]:
    """Describe the series of the results, without making the results."""
    header = study_header(data, facts)
    kinds = [kind for kind in SERIES if kind in ("SR", "PDF") or isinstance(result.outcome, Reading)]
    made = [kind for kind in kinds if kind != "PDF" or with_pdf]
    return [_series(header, result.uid(header, kind, "series"), SERIES[kind]) for kind in made]


def film_series(data: bytes, facts: StudyFacts) -> Dataset:
    """Describe the series of a film that came as a picture."""
    header = study_header(data, facts)
    return _series(header, header.film_series, FILM)


def _series(header: StudyHeader, uid: str, series: Series) -> Dataset:
    item = Dataset()
    header.put_into(item)
    item.Modality, item.SeriesInstanceUID = series.modality, uid
    item.SeriesNumber, item.SeriesDescription = series.number, series.description
    return item


def film_object(data: bytes, facts: StudyFacts) -> Dataset | None:
    """Make the object of a film that came as a picture, to which its results refer; None if it cannot be decoded."""
    from lungwise.results.secondary_capture import film_capture  # here: highdicom is slow to load

    header, film = study_header(data, facts), _decoded(data, facts)
    if film is None:
        return None
    item = film_capture(header, film)
    _finish(item, header, facts.made_at)
    return item


def file_bytes(item: Dataset) -> bytes:
    """Write an object as a DICOM file (PS3.10); the same object gives the same bytes."""
    file = io.BytesIO()
    dcmwrite(file, item, enforce_file_format=True)
    return file.getvalue()


def _decoded(data: bytes, facts: StudyFacts) -> Film | None:
    try:
        return open_film(data, facts.photographed)
    except Refusal:
        return None


def _finish(item: Dataset, header: StudyHeader, made_at: datetime) -> None:
    """Add patient and study, and set every time to that of the reading, so that one UID is one object."""
    header.put_into(item)
    day, time = header.local(made_at)
    item.InstanceCreationDate = item.ContentDate = item.SeriesDate = day
    item.InstanceCreationTime = item.ContentTime = item.SeriesTime = time
    if item.Modality == "DOC":
        item.AcquisitionDateTime = f"{day}{time}"
    if item.Modality == "OT":
        item.DateOfSecondaryCapture, item.TimeOfSecondaryCapture = day, time
    for equipment in item.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = f"{day}{time}"
    syntax = item.file_meta.get("TransferSyntaxUID", ExplicitVRLittleEndian)
    item.file_meta = FileMetaDataset()
    item.file_meta.TransferSyntaxUID = syntax
    item.file_meta.ImplementationClassUID = IMPLEMENTATION_UID
    item.file_meta.ImplementationVersionName = IMPLEMENTATION_NAME
