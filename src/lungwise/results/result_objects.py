"""A study's results as DICOM objects, in the study itself: one report for all its films."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from lungwise.films import Film, Refusal, open_film
from lungwise.films.dicom.softcopy import Softcopy, read_softcopy
from lungwise.films.formats import DICOM, kind_of
from lungwise.reading.reading import Reading
from lungwise.reading.regions import outlines
from lungwise.results.encapsulated_pdf import encapsulated_pdf
from lungwise.results.orders import request_attributes
from lungwise.results.report_versions import as_version
from lungwise.results.result import (
    IMPLEMENTATION_NAME,
    IMPLEMENTATION_UID,
    FilmResult,
    Statement,
)
from lungwise.results.study_header import StudyFacts, StudyHeader, study_header
from lungwise.settings.checks import RESULT_OBJECTS
from lungwise.studies import pictures
from lungwise.studies.uids import own_uid

__all__ = [
    "FilmResult",
    "ReadFilm",
    "Statement",
    "StudyFacts",
    "file_bytes",
    "film_object",
    "result_objects",
    "study_objects",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFilm:
    """A film that a model looked at.

    Parameters
    ----------
    data
        Its bytes: DICOM, whose patient and study the objects take, or a picture.
    facts
        What Lungwise knows of it; used where its bytes say nothing.
    result
        What the model said of it.
    """

    data: bytes
    facts: StudyFacts
    result: FilmResult


def result_objects(data: bytes, facts: StudyFacts, result: FilmResult, report: bytes | None) -> list[Dataset]:
    """Make the objects of a study that has one film."""
    return study_objects([ReadFilm(data=data, facts=facts, result=result)], Statement(pdf=report))


def study_objects(films: Sequence[ReadFilm], said: Statement, kinds: Collection[str] = RESULT_OBJECTS) -> list[Dataset]:
    """Make the objects that go beside films in their study, in the films' order.

    Parameters
    ----------
    kinds
        Of objects to make, as the setting `send_objects` names them.

    Returns
    -------
    One structured report of all films, of each film that was read the heat map over it and its outlines where it is
    hot, and the report. The same contents give the same UIDs, and others give others.
    """
    from lungwise.results.structured_report import structured_report  # here: highdicom is slow to load

    headers = [study_header(film.data, film.facts) for film in films]
    shown = [_decoded(film.data, film.facts) for film in films]
    results = [_outlined(film, picture) for film, picture in zip(films, shown, strict=True)]
    reported = list(zip(headers, results, strict=True))
    changed_at = max(filter(None, (said.changed_at, *(film.result.made_at for film in films))))
    begun_at = min(header.received_at for header in headers)
    made = [(structured_report(reported, said), headers[0], changed_at)] if "SR" in kinds else []
    for number, (header, result) in enumerate(reported, start=1):
        own = _film_objects(header, result, films[number - 1].data, shown[number - 1], number, kinds)
        made += ((item, header, result.made_at) for item in own)
    if said.pdf is not None and "PDF" in kinds:
        made.append((encapsulated_pdf(reported, said.pdf), headers[0], changed_at))
    for item, header, made_at in made:
        _finish(item, header, made_at, begun_at)
        _name(item)
    if "SR" in kinds:
        as_version(made[0][0], said.sent)
    return [item for item, _header, _made_at in made]


def _film_objects(
    header: StudyHeader, result: FilmResult, data: bytes, picture: Film | None, number: int, kinds: Collection[str]
) -> Iterator[Dataset]:
    """Make the heat map over a film, and its outlines."""
    from lungwise.results.presentation_state import presentation_state  # here: highdicom is slow to load
    from lungwise.results.secondary_capture import heat_map_capture
    from lungwise.results.segmentation import segmentation

    if not isinstance(result.outcome, Reading) or picture is None:
        return
    if "SC" in kinds:
        yield heat_map_capture(header, result, result.outcome, picture, number)
    if "GSPS" in kinds and result.regions and (softcopy := _softcopy(data, picture)):
        yield presentation_state(header, result, softcopy, number)
    if "SEG" in kinds and result.regions:
        yield segmentation(header, result, picture, _sides(data, picture), number)


def film_object(data: bytes, facts: StudyFacts) -> Dataset | None:
    """Make the object of a film that came as a picture, to which its results refer; None if it cannot be decoded."""
    from lungwise.results.secondary_capture import film_capture  # here: highdicom is slow to load

    header, film = study_header(data, facts), _decoded(data, facts)
    if film is None:
        return None
    item = film_capture(header, film)
    _finish(item, header, facts.made_at, facts.made_at)
    return item


def _name(item: Dataset) -> None:
    """Derive an object's UID from its contents: what says something else, or says it later, is another object."""
    item.SOPInstanceUID = own_uid("object", hashlib.sha256(file_bytes(item)).hexdigest())
    item.file_meta.MediaStorageSOPInstanceUID = item.SOPInstanceUID


def file_bytes(item: Dataset) -> bytes:
    """Write an object as a DICOM file (PS3.10); the same object gives the same bytes."""
    file = io.BytesIO()
    dcmwrite(file, item, enforce_file_format=True)
    return file.getvalue()


def _softcopy(data: bytes, picture: Film) -> Softcopy | None:
    """Return how the film that the objects refer to is shown; None of colours."""
    if kind_of(data) == DICOM:
        return read_softcopy(data)
    columns, rows = pictures.picture(picture, pictures.LARGEST).size
    return Softcopy(rows=rows, columns=columns)


def _outlined(film: ReadFilm, picture: Film | None) -> FilmResult:
    """Add where the heat map is hot, in pixels of the film that the objects refer to."""
    outcome = film.result.outcome
    if picture is None or not isinstance(outcome, Reading):
        return film.result
    height, width = _sides(film.data, picture)
    polygons = outlines(outcome.heat_map)
    placed = (tuple((across * width, down * height) for across, down in polygon) for polygon in polygons)
    return replace(film.result, regions=tuple(placed))


def _sides(data: bytes, picture: Film) -> tuple[int, int]:
    """Return rows and columns of the film that the objects refer to."""
    rows, columns = picture.pixels.shape
    shrunk = 1.0 if kind_of(data) == DICOM else min(1.0, pictures.LARGEST / max(rows, columns))
    return round(rows * shrunk), round(columns * shrunk)


def _decoded(data: bytes, facts: StudyFacts) -> Film | None:
    try:
        return open_film(data, facts.photographed)
    except Refusal:
        return None


def _finish(item: Dataset, header: StudyHeader, made_at: datetime, begun_at: datetime) -> None:
    """Add patient, study and order, and set every time to that of the reading, so that one UID is one object."""
    header.put_into(item)
    if item.Modality != "SR" and (requests := request_attributes(header)):
        item.RequestAttributesSequence = requests
    day, time = header.local(made_at)
    item.InstanceCreationDate, item.InstanceCreationTime = day, time
    if item.Modality == "PR":
        item.PresentationCreationDate, item.PresentationCreationTime = day, time
    else:
        item.ContentDate, item.ContentTime = day, time
    item.SeriesDate, item.SeriesTime = header.local(begun_at)
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
