"""Lungwise's own results: an archive that routes everything back sends them too, and they are never read as films."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lungwise.films.dicom.header import DicomHeader
from lungwise.studies.uids import own_uid

MANUFACTURER = "Lungwise"
DESCRIPTIONS = {
    "SR": "Lungwise structured report",
    "SC": "Lungwise heat map",
    "PDF": "Lungwise report",
    "GSPS": "Lungwise regions",
    "SEG": "Lungwise segmentation",
}
"""Of the series of results, by what they hold."""


def is_marked_as_own(header: DicomHeader) -> bool:
    """Return whether a header is that of a Lungwise result, from any installation.

    The series tells it, or the manufacturer with the name of a model. A film that Lungwise gave as a secondary capture
    has the manufacturer alone, and stays a film.
    """
    of_lungwise = header.manufacturer.casefold() == MANUFACTURER.casefold()
    return header.series_description in DESCRIPTIONS.values() or (of_lungwise and bool(header.model_name))


def result_uid(film_uid: str, model: str, version: str, *words: str) -> str:
    """Derive the UID of a part of a result: the same film, model and version give the same."""
    return own_uid("result", film_uid, model, version, *words)


def result_series_uid(study_uid: str, study: str, model: str, version: str, kind: str) -> str:
    """Derive the UID of the series that a study's results of one kind lie in; `study` is its key."""
    return result_uid(study_uid, model, version, study, kind, "series")


def result_series_uids(films: Iterable[tuple[str, str, str, str, str]]) -> Iterator[str]:
    """Return the UIDs of the series that the results of films lie in, those of earlier releases included.

    Parameters
    ----------
    films
        Of each reading the film's SOP Instance UID, the study's UID and key, and the model's name and version.
    """
    for film_uid, study_uid, study, model, version in films:
        for kind in DESCRIPTIONS:
            yield result_series_uid(study_uid, study, model, version, kind)
            yield result_uid(film_uid, model, version, kind, "series")
