"""What a film's own header says of the patient, and where that differs from the record that the film lies under."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date

from lungwise.errors import Unavailable
from lungwise.films.dicom.header import read_header
from lungwise.patients.identity import PatientFacts, differences
from lungwise.patients.service import Patient
from lungwise.patients.stated_facts import facts_of
from lungwise.studies.models import FilmRecord, Study


def header_of(film: FilmRecord, data: Callable[[FilmRecord], bytes]) -> PatientFacts | None:
    """Return what a film's own DICOM header says of the patient; None for a film without a header."""
    if film.header:
        return PatientFacts.from_json(film.header)
    if film.kind != "DICOM":
        return None
    header = read_header(data(film))  # a film of an earlier release
    return facts_of(header) if header else None


def taken_on(film: FilmRecord, data: Callable[[FilmRecord], bytes]) -> date | None:
    """Return the day on which a film was taken, where its DICOM header says; None also where it cannot be fetched."""
    if film.taken_on or film.kind != "DICOM":
        return film.taken_on
    with suppress(Unavailable):
        header = read_header(data(film))  # a film of an earlier release
        return header.taken_on if header else None
    return None


def differing_headers(study: Study, patient: Patient, data: Callable[[FilmRecord], bytes]) -> dict[int, PatientFacts]:
    """Return the headers of a study's films that differ from the patient's record, by the film's id."""
    headers = ((film.id, header_of(film, data)) for film in study.films)
    return {number: header for number, header in headers if header and differences(patient.facts, header)}
