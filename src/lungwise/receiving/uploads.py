"""Uploaded files as they come, out of ZIPs too, with what their DICOM headers say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from lungwise.errors import Rejected
from lungwise.films.dicom.elements import read_elements
from lungwise.films.dicom.header import DicomHeader, header_of, read_header
from lungwise.films.formats import PICTURES, kind_of
from lungwise.films.limits import damaged
from lungwise.films.refusals import N_
from lungwise.patients.service import PatientFacts
from lungwise.patients.stated_facts import facts_of
from lungwise.receiving.other_files import SkippedFile, SkipReason, is_ignored, is_on_every_disc, readable_name
from lungwise.receiving.own_results import is_marked_as_own
from lungwise.receiving.zip_members import MemberFilter, UnpackBudget, zip_members
from lungwise.store import FilmStore
from lungwise.studies.other_objects import OTHER_CLASSES

Files = Iterable[tuple[str, bytes]]
"""Uploaded files: their names and their bytes."""


class CameraPicture(bytes):
    """The bytes of a picture that a phone's camera took, in answer to the page's own question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one upload may hold, and what one account may upload in a day; 0 for any amount.

    `total_bytes` is for all that its ZIPs unpack to, `objects` for what lies beside its films. `fetches_priors` says
    that a patient's earlier films are fetched once a film of theirs arrives, `asks_worklist` that the hospital's
    modality worklist is asked for the accession number of a film that says none.
    """

    films: int
    film_bytes: int
    total_bytes: int
    objects: int = 500
    keeps_objects: bool = True
    fetches_priors: bool = False
    asks_worklist: bool = False
    account_films: int = 0
    account_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Uids:
    """The UIDs of a film's study, series and instance, where its DICOM header states them."""

    study: str | None = None
    series: str | None = None
    instance: str | None = None


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One file that looks like a film, with its DICOM header where it has one that can be read."""

    data: bytes
    kind: str
    header: DicomHeader | None = None
    name: str = ""

    @cached_property
    def sha256(self) -> str:
        """Its name in the film store; of a large film it takes longer than all else that is asked of it."""
        return FilmStore.name_of(self.data)

    @property
    def is_object(self) -> bool:
        """Whether it is an object beside films: a report, a selection, a presentation state, a segmentation."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """The films of an upload, each once, the objects beside them that are kept, and the files that are neither."""

    films: list[Upload]
    skipped: list[SkippedFile]
    objects: list[Upload]


def unpack(files: Files, limits: Limits) -> Unpacked:
    """Take the films out of uploaded files, ZIPs opened. A file that is not a film is listed and stops nothing.

    Raises
    ------
    Rejected
        If there is no film in them, or there are too many films or objects, or the ZIPs hold too much.
    """
    films: dict[str, Upload] = {}
    skipped: list[SkippedFile] = []
    objects: dict[str, Upload] = {}
    most_objects = limits.objects if limits.keeps_objects else 0
    for name, content in _opened(files, limits):
        found = content if isinstance(content, SkipReason) else _film(name, content, limits)
        if isinstance(found, SkipReason):
            skipped.append(SkippedFile(name=readable_name(name), reason=found))
        elif found.is_object:
            objects.setdefault(found.sha256, _counted(found, holds=len(objects) < most_objects))
        else:
            films.setdefault(found.sha256, _counted(found, holds=len(films) < limits.films))
    _check_numbers(len(films), len(objects), limits)
    if not films:
        beside = (SkippedFile(name=one.name, reason=SkipReason.NOT_A_FILM) for one in objects.values())
        raise _no_film([*skipped, *beside])
    return Unpacked(
        films=list(films.values()),
        skipped=list(filter(_is_reported, skipped)),
        objects=list(objects.values()) if limits.keeps_objects else [],
    )


def too_many(limit: int, count: int) -> Rejected:
    """Return the error that a study would have too many films."""
    return Rejected(
        "A study holds at most %(most)s films; with these it would have %(count)s. Create a new study for the rest.",
        most=limit,
        count=count,
    )


def read_instance(data: bytes, sender: str) -> ReceivedInstance:
    """Read the header of a DICOM object that came over the network.

    Raises
    ------
    Refusal
        `damaged`, if it does not say what it is.
    """
    if kind_of(data) != "DICOM":
        raise damaged("not-dicom")
    header = header_of(read_elements(data)[1])
    film = Upload(data=data, kind="DICOM", header=header)
    if not (film.uids.study and film.uids.instance):
        raise damaged("uids")
    return ReceivedInstance(film=film, patient=facts_of(header), sender=sender)


def _check_numbers(films: int, objects: int, limits: Limits) -> None:
    if films > limits.films:
        raise Rejected(
            "A study holds at most %(most)s films; this upload has %(count)s. Upload them in parts.",
            most=limits.films,
            count=films,
        )
    if limits.keeps_objects and objects > limits.objects:
        raise Rejected(
            "Beside its films, an upload holds at most %(most)s reports and the like; this one has %(count)s. Upload "
            "it in parts.",
            most=limits.objects,
            count=objects,
        )


def _counted(upload: Upload, *, holds: bool) -> Upload:
    """Hold a file of an upload, or without its bytes where it is beyond a limit and only counts."""
    return upload if holds else Upload(data=b"", kind=upload.kind, name=upload.name)


def _uid(text: str) -> str | None:
    return text if re.fullmatch(r"[0-9.]{1,64}", text) else None


def _film(name: str, data: bytes, limits: Limits) -> Upload | SkipReason:
    kind = kind_of(data)
    if kind is None:
        return SkipReason.NOT_A_FILM
    if len(data) > limits.film_bytes:
        return SkipReason.TOO_LARGE
    header = read_header(data) if kind == "DICOM" else None
    if header is not None and is_marked_as_own(header):
        return SkipReason.OWN_RESULT
    return Upload(data=data, kind=kind, header=header, name=readable_name(name))


def _is_reported(file: SkippedFile) -> bool:
    return file.reason is not SkipReason.NOT_A_FILM or not is_on_every_disc(file.name)


_NO_FILM = {
    SkipReason.OWN_RESULT: N_("%(name)s is a result of Lungwise, not a film. Choose the film itself."),
    SkipReason.TOO_LARGE: N_("%(name)s is too large for a film. Export it again as JPEG or as DICOM."),
    SkipReason.DAMAGED: N_("%(name)s is damaged in its ZIP, or has a password. Make the ZIP again."),
    SkipReason.NOT_A_FILM: N_("%(name)s is not a film. Lungwise takes %(pictures)s, DICOM and ZIP files."),
}


def _no_film(skipped: list[SkippedFile]) -> Rejected:
    """Return the error that an upload has no film, by the first file worth reporting."""
    first = next(iter((*filter(_is_reported, skipped), *skipped)), None)
    if first is None:
        return Rejected("There is no film in this upload. Choose at least one file.")
    return Rejected(_NO_FILM[first.reason], name=first.name, pictures=", ".join(PICTURES))


def _opened(files: Files, limits: Limits) -> Iterator[tuple[str, bytes | SkipReason]]:
    wanted = MemberFilter(name=lambda name: not is_ignored(name), head=lambda head: kind_of(head) is not None)
    budget = UnpackBudget(member=limits.film_bytes, size=limits.total_bytes)
    for name, data in files:
        if data.startswith(b"PK\x03\x04"):
            yield from zip_members(data, wanted, budget)
        elif (data or name) and not is_ignored(name):
            yield name, data
