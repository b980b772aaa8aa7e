"""Uploads: files as they come, out of ZIPs too, and what their DICOM headers say of the patient."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePosixPath

from lungwise.errors import Rejected
from lungwise.films import Refusal
from lungwise.films.elements import Elements, read_elements
from lungwise.films.limits import damaged
from lungwise.patients.service import PatientFacts

_SIGNATURES = ((b"\xff\xd8\xff", "JPEG"), (b"\x89PNG", "PNG"), (b"BM", "BMP"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"))
_IDENTIFIER, _NAME, _SEX, _BIRTH_DATE, _CHARACTER_SET = 0x00100020, 0x00100010, 0x00100040, 0x00100030, 0x00080005
_STUDY_UID, _SERIES_UID, _INSTANCE_UID = 0x0020000D, 0x0020000E, 0x00080018
_CODECS = {
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "ISO_IR 101": "iso8859-2",
    "ISO_IR 126": "iso8859-7",
    "ISO_IR 127": "iso8859-6",
    "ISO_IR 144": "iso8859-5",
    "ISO_IR 148": "iso8859-9",
    "ISO_IR 166": "tis-620",
}


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
    """One file that looks like a film."""

    data: bytes
    kind: str
    uids: Uids = Uids()


@dataclass(frozen=True, slots=True)
class Arrival:
    """One DICOM object as it came over the network, and what its header says."""

    film: Upload
    patient: PatientFacts
    sender: str


def unpack(files: Iterable[tuple[str, bytes]], limits: Limits) -> list[Upload]:
    """Take the films out of uploaded files, ZIPs opened.

    Raises
    ------
    Rejected
        If a file is no film, too large, a broken ZIP, or there are none or too many.
    """
    films: list[Upload] = []
    for data in _opened(files, limits):
        if len(data) > limits.film_bytes:
            raise Rejected("One file is too large for a film. Export it again as JPEG or as DICOM.")
        kind = kind_of(data)
        if kind is None:
            raise Rejected("One file is not a film. Lungwise takes JPEG, PNG, WebP, TIFF, BMP, DICOM and ZIP files.")
        films.append(Upload(data, kind, _uids(_header(data, kind))))
        if len(films) > limits.films:
            raise Rejected("There are too many films for one study. Upload them in parts.")
    if not films:
        raise Rejected("There is no film in this upload. Choose at least one file.")
    return films


def kind_of(data: bytes) -> str | None:
    """Name a film's file format from its first bytes; none where it has none of ours."""
    if data[128:132] == b"DICM" or _begins_as_dicom(data):
        return "DICOM"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    return next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), None)


def _begins_as_dicom(data: bytes) -> bool:
    """Know an old DICOM file without preamble by its first element's group and length of group."""
    return data[:2] in (b"\x02\0", b"\x08\0") and data[3:4] == b"\0" and len(data) > 132


def patient_of(films: Iterable[Upload]) -> PatientFacts | None:
    """Read from the DICOM headers whose films these are; none where no header says.

    Raises
    ------
    Rejected
        If the headers name more than one patient.
    """
    stated = [facts for facts in map(_stated_patient, films) if facts is not None]
    if len({facts.identifier for facts in stated}) > 1:
        raise Rejected("These films are of more than one patient. Upload each patient's films by themselves.")
    return stated[0] if stated else None


def arrival_of(data: bytes, sender: str) -> Arrival:
    """Read what the header of a DICOM object says that came over the network.

    Raises
    ------
    Refusal
        `damaged`, if it cannot be told what it is.
    """
    _syntax, header = read_elements(data)
    uids = _uids(header)
    if not (uids.study and uids.instance):
        raise damaged("it names no study or no instance")
    return Arrival(Upload(data, "DICOM", uids), _facts(header), sender)


def _uids(header: Elements) -> Uids:
    study, series, instance = (_uid(header.text(tag)) for tag in (_STUDY_UID, _SERIES_UID, _INSTANCE_UID))
    return Uids(study, series, instance)


def _uid(text: str) -> str | None:
    return text if re.fullmatch(r"[0-9.]{1,64}", text) else None


def _header(data: bytes, kind: str) -> Elements:
    """Give the elements of a film's DICOM header; none where it has none that can be read."""
    try:
        return read_elements(data)[1] if kind == "DICOM" else Elements()
    except Refusal:
        return Elements()  # its reading will say what is wrong with it


def _opened(files: Iterable[tuple[str, bytes]], limits: Limits) -> Iterator[bytes]:
    for name, data in files:
        if data.startswith(b"PK\x03\x04"):
            yield from _members(data, limits)
        elif (data or name) and _may_be_film(name):
            yield data


def _members(data: bytes, limits: Limits) -> Iterator[bytes]:
    left = limits.total_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                if member.is_dir() or not _may_be_film(member.filename):
                    continue
                left -= member.file_size
                if left < 0 or member.file_size > limits.film_bytes:
                    raise Rejected("This ZIP unpacks to more than may be uploaded at once. Upload it in parts.")
                yield archive.read(member)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise Rejected("This ZIP is damaged or has a password. Make it again without one.") from error


def _may_be_film(name: str) -> bool:
    """Pass over what lies beside the films in a folder or a ZIP."""
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not (hidden or path.name.upper() == "DICOMDIR" or path.suffix.lower() in (".txt", ".xml"))


def _stated_patient(film: Upload) -> PatientFacts | None:
    facts = _facts(_header(film.data, film.kind))
    return facts if facts.identifier else None


def _facts(header: Elements) -> PatientFacts:
    name = " ".join(_text(header, _NAME).split("=")[0].replace("^", " ").split())
    sex = header.text(_SEX)[:1].upper()
    return PatientFacts(
        _text(header, _IDENTIFIER)[:64],
        name[:200],
        sex if sex in ("F", "M", "O") else "",
        _date(header.text(_BIRTH_DATE)),
    )


def _text(header: Elements, tag: int) -> str:
    """Decode a text by the character set that the header names (DICOM PS3.3, C.12.1.1.2)."""
    if tag not in header:
        return ""
    codec = _CODECS.get(header.text(_CHARACTER_SET), "latin-1")
    text = bytes(header[tag].value[:1024]).decode(codec, errors="replace")
    return "".join(letter for letter in text if letter.isprintable()).strip()


def _date(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None
