"""Uploads: files as they come, out of ZIPs too, and what their DICOM headers say of the patient."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from lungwise.errors import Rejected
from lungwise.films.dicom.elements import read_elements
from lungwise.films.dicom.header import DicomHeader, header_of, read_header
from lungwise.films.formats import PICTURES, kind_of
from lungwise.films.limits import damaged
from lungwise.patients.service import PatientFacts
from lungwise.patients.stated_facts import facts_of
from lungwise.receiving.other_files import NotTaken, Why, is_on_every_disc, is_passed_over, readable_name
from lungwise.receiving.own_results import is_marked_as_own
from lungwise.receiving.zip_members import MemberFilter, MostUnpacked, zip_members
from lungwise.studies.other_objects import OTHER_CLASSES

Files = Iterable[tuple[str, bytes]]
"""Uploaded files: their names and their bytes."""


class CameraPicture(bytes):
    """The bytes of a picture that a phone's camera took, in answer to the page's own question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one upload may hold."""

    films: int
    film_bytes: int
    total_bytes: int
    keeps_objects: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Uids:
    """The UIDs of a film's study, series and instance, where its DICOM header states them."""

    study: str | None = None
    series: str | None = None
    instance: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file that looks like a film, with its DICOM header where it has one that can be read."""

    data: bytes
    kind: str
    header: DicomHeader | None = None
    name: str = ""

    @property
    def is_object(self) -> bool:
        """Whether it is an object beside films: a report, a document, a selection or a presentation state."""
        return self.header is not None and self.header.sop_class in OTHER_CLASSES

    @property
    def by_camera(self) -> bool:
        """Whether a phone's camera took it."""
        return isinstance(self.data, CameraPicture)

    @property
    def uids(self) -> Uids:
        """The UIDs that its header states."""
        header = self.header or DicomHeader()
        return Uids(study=_uid(header.study_uid), series=_uid(header.series_uid), instance=_uid(header.instance_uid))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedInstance:
    """One DICOM object as it came over the network, and what its header says."""

    film: Upload
    patient: PatientFacts
    sender: str


@dataclass(slots=True, kw_only=True)
class Unpacked:
    """The films of an upload, each once, the objects beside them, and what of it is no film."""

    films: list[Upload]
    others: list[NotTaken]
    objects: list[Upload] = field(default_factory=list)


def unpack(files: Files, limits: Limits) -> Unpacked:
    """Take the films out of uploaded files, ZIPs opened. What is no film is named, and keeps none of the films.

    Raises
    ------
    Rejected
        If there is no film in them, or there are too many.
    """
    films: dict[bytes, Upload] = {}
    others: list[NotTaken] = []
    objects: list[Upload] = []
    for name, content in _opened(files, limits):
        found = content if isinstance(content, Why) else _film(name, content, limits)
        if isinstance(found, Why):
            others.append(NotTaken(name=readable_name(name), why=found))
        elif found.is_object:
            objects.append(found)
        elif len(films) < limits.films:
            films.setdefault(sha256(found.data).digest(), found)
        else:  # counted only
            films.setdefault(sha256(found.data).digest(), Upload(data=b"", kind=found.kind))
    if len(films) > limits.films:
        raise Rejected(
            "A study holds at most %(most)s films; this upload has %(count)s. Upload them in parts.",
            most=limits.films,
            count=len(films),
        )
    if not films:
        raise _no_film([*others, *(NotTaken(name=one.name, why=Why.NO_FILM) for one in objects)])
    return Unpacked(
        films=list(films.values()), others=[one for one in others if not _needs_no_word(one)], objects=objects
    )


def too_many(most: int, count: int) -> Rejected:
    """Say that a study would have too many films."""
    return Rejected(
        "A study holds at most %(most)s films; with these it has %(count)s. Open a new study for the rest.",
        most=most,
        count=count,
    )


def arrival_of(data: bytes, sender: str) -> ReceivedInstance:
    """Read what the header of a DICOM object says that came over the network.

    Raises
    ------
    Refusal
        `damaged`, if it cannot be told what it is.
    """
    if kind_of(data) != "DICOM":
        raise damaged("not-dicom")
    header = header_of(read_elements(data)[1])
    film = Upload(data=data, kind="DICOM", header=header)
    if not (film.uids.study and film.uids.instance):
        raise damaged("uids")
    return ReceivedInstance(film=film, patient=facts_of(header), sender=sender)


def _uid(text: str) -> str | None:
    return text if re.fullmatch(r"[0-9.]{1,64}", text) else None


def _film(name: str, data: bytes, limits: Limits) -> Upload | Why:
    kind = kind_of(data)
    if kind is None:
        return Why.NO_FILM
    if len(data) > limits.film_bytes:
        return Why.TOO_LARGE
    header = read_header(data) if kind == "DICOM" else None
    if header is not None and is_marked_as_own(header):
        return Why.OWN_RESULT
    return Upload(data=data, kind=kind, header=header, name=readable_name(name))


def _needs_no_word(other: NotTaken) -> bool:
    return other.why is Why.NO_FILM and is_on_every_disc(other.name)


def _no_film(others: list[NotTaken]) -> Rejected:
    """Say why an upload has no film, by the first file that is worth a word."""
    first = next((one for one in others if not _needs_no_word(one)), others[0] if others else None)
    if first is None:
        return Rejected("There is no film in this upload. Choose at least one file.")
    if first.why is Why.OWN_RESULT:
        return Rejected("%(name)s is a result of Lungwise, not a film. Choose the film itself.", name=first.name)
    if first.why is Why.TOO_LARGE:
        return Rejected("%(name)s is too large for a film. Export it again as JPEG or as DICOM.", name=first.name)
    if first.why is Why.DAMAGED:
        return Rejected("%(name)s is damaged in its ZIP, or has a password. Make the ZIP again.", name=first.name)
    return Rejected(
        "%(name)s is not a film. Lungwise takes %(pictures)s, DICOM and ZIP files.",
        name=first.name,
        pictures=", ".join(PICTURES),
    )


def _opened(files: Files, limits: Limits) -> Iterator[tuple[str, bytes | Why]]:
    wanted = MemberFilter(name=lambda name: not is_passed_over(name), head=lambda head: kind_of(head) is not None)
    for name, data in files:
        if data.startswith(b"PK\x03\x04"):
            yield from zip_members(data, wanted, MostUnpacked(member=limits.film_bytes, total=limits.total_bytes))
        elif (data or name) and not is_passed_over(name):
            yield name, data
