"""Uploads: files as they come, out of ZIPs too, and what their DICOM headers say of the patient."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from lungwise.errors import Rejected
from lungwise.films.elements import read_elements
from lungwise.films.formats import kind_of
from lungwise.films.header import DicomHeader, header_of, read_header
from lungwise.films.limits import damaged
from lungwise.patients.service import PatientFacts
from lungwise.studies.own_results import is_marked_as_own
from lungwise.studies.stated import facts_of
from lungwise.studies.zip_members import MostUnpacked, zip_members

Files = Iterable[tuple[str, bytes]]
"""Uploaded files: their names and their bytes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one upload may hold."""

    films: int
    film_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Uids:
    """The UIDs of a film's study, series and instance, where its DICOM header states them."""

    study: str | None = None
    series: str | None = None
    instance: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """One file that looks like a film, with its DICOM header where it has one that can be read."""

    data: bytes
    kind: str
    header: DicomHeader | None = None

    @property
    def uids(self) -> Uids:
        """The UIDs that its header states."""
        header = self.header or DicomHeader()
        return Uids(_uid(header.study_uid), _uid(header.series_uid), _uid(header.instance_uid))


@dataclass(frozen=True, slots=True)
class Arrival:
    """One DICOM object as it came over the network, and what its header says."""

    film: Upload
    patient: PatientFacts
    sender: str


def unpack(files: Files, limits: Limits) -> list[Upload]:
    """Take the films out of uploaded files, ZIPs opened.

    Raises
    ------
    Rejected
        If a file is no film, too large, a broken ZIP, or there are none or too many.
    """
    films: list[Upload] = []
    own = False
    for data in _opened(files, limits):
        if len(data) > limits.film_bytes:
            raise Rejected("One file is too large for a film. Export it again as JPEG or as DICOM.")
        kind = kind_of(data)
        if kind is None:
            raise Rejected("One file is not a film. Lungwise takes JPEG, PNG, WebP, TIFF, BMP, DICOM and ZIP files.")
        header = read_header(data) if kind == "DICOM" else None
        if header is not None and is_marked_as_own(header):
            own = True
            continue
        films.append(Upload(data, kind, header))
        if len(films) > limits.films:
            raise Rejected("There are too many films for one study. Upload them in parts.")
    if own and not films:
        raise Rejected("This is a result of Lungwise, not a film. Choose the film itself.")
    if not films:
        raise Rejected("There is no film in this upload. Choose at least one file.")
    return films


def arrival_of(data: bytes, sender: str) -> Arrival:
    """Read what the header of a DICOM object says that came over the network.

    Raises
    ------
    Refusal
        `damaged`, if it cannot be told what it is.
    """
    if kind_of(data) != "DICOM":
        raise damaged("not-dicom")
    header = header_of(read_elements(data)[1])
    film = Upload(data, "DICOM", header)
    if not (film.uids.study and film.uids.instance):
        raise damaged("uids")
    return Arrival(film, facts_of(header), sender)


def _uid(text: str) -> str | None:
    return text if re.fullmatch(r"[0-9.]{1,64}", text) else None


def _opened(files: Files, limits: Limits) -> Iterator[bytes]:
    for name, data in files:
        if data.startswith(b"PK\x03\x04"):
            most = MostUnpacked(limits.film_bytes, limits.total_bytes)
            yield from (content for _member, content in zip_members(data, _may_be_film, most))
        elif (data or name) and _may_be_film(name):
            yield data


def _may_be_film(name: str) -> bool:
    """Pass over what lies beside the films in a folder or a ZIP."""
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not (hidden or path.name.upper() == "DICOMDIR" or path.suffix.lower() in (".txt", ".xml"))
