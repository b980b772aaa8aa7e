"""One film is one film: what the clinic has already, by its bytes or by its SOP Instance UID and pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.errors import Unavailable
from lungwise.films import Refusal, open_film
from lungwise.films.dicom.digest import digest_of
from lungwise.films.dicom.elements import PIXEL_DATA, read_elements
from lungwise.films.dicom.header import DicomHeader, read_header
from lungwise.patients.identity import contradictions
from lungwise.patients.service import PatientFacts, Patients
from lungwise.patients.stated_facts import facts_of, is_another_patient
from lungwise.receiving.own_results import MANUFACTURER
from lungwise.receiving.uploads import Upload
from lungwise.store import CollisionError, FilmStore
from lungwise.studies.film_data import not_fetched
from lungwise.studies.film_models import FilmContent
from lungwise.studies.models import FilmRecord, Study
from lungwise.studies.uids import own_uid


class Difference(StrEnum):
    """In what a film differs from another with its SOP Instance UID."""

    PIXELS = "pixels"
    PATIENT = "patient"


@dataclass(slots=True)
class SortedFilms:
    """The films of an upload, each once: new ones, those that the clinic has, and those with another film's UID.

    Those with the UID of a new one are to be held once that is recorded.
    """

    new: list[Upload] = field(default_factory=list)
    known: list[tuple[Upload, FilmRecord]] = field(default_factory=list)
    held: list[tuple[Upload, FilmRecord, Difference]] = field(default_factory=list)
    to_hold: list[Upload] = field(default_factory=list)


class Duplicates:
    """Compares films with those that a clinic has."""

    def __init__(self, session: Session, store: FilmStore, patients: Patients) -> None:
        self._session = session
        self._store = store
        self._patients = patients

    def sort(self, person: Person, uploads: Sequence[Upload], typed: PatientFacts | None = None) -> SortedFilms:
        """Tell the new films of an upload from those that are here, unless what was typed names another patient.

        Raises
        ------
        Unavailable
            If the store does not give a film to compare with.
        """
        found = SortedFilms()
        for upload in uploads:
            known, difference = self.compare(person, upload, typed)
            if known is None:
                self._add_new(found, upload)
            elif difference is None:
                found.known.append((upload, known))
            else:
                found.held.append((upload, known, difference))
        return found

    def _add_new(self, found: SortedFilms, upload: Upload) -> None:
        """Add an upload that the clinic has not, unless it is the same film as a new one, or has that one's UID."""
        uid = upload.uids.instance
        earlier = next((one for one in found.new if uid and one.uids.instance == uid), None)
        if earlier is None:
            found.new.append(upload)
        elif self._difference_from(earlier.data, facts_of(earlier.header or DicomHeader()), upload) is not None:
            found.to_hold.append(upload)

    def compare(
        self, person: Person, upload: Upload, typed: PatientFacts | None = None
    ) -> tuple[FilmRecord | None, Difference | None]:
        """Find the film that an upload is, or else the one with its SOP Instance UID, and the difference.

        A film does not count as known where somebody typed that it is another patient's.
        """
        same = self._having(person, FilmRecord.sha256 == upload.sha256)
        named = [] if same else self._named(person, upload)
        differences = [self._difference(film, upload) for film in named]
        same += [film for film, difference in zip(named, differences, strict=True) if difference is None]
        if same:
            its = (film for film in same if typed is None or not self._is_of_another(person, film, typed))
            return next(its, None), None
        return (named[0], differences[0]) if named else (None, None)

    def of_others(self, person: Person, uploads: Sequence[Upload], typed: PatientFacts) -> list[FilmRecord]:
        """Find the films of the same bytes that are filed under other patients than the one who was typed."""
        same = (film for upload in uploads for film in self._having(person, FilmRecord.sha256 == upload.sha256))
        return [film for film in same if self._is_of_another(person, film, typed)]

    def is_here(self, person: Person, upload: Upload) -> bool:
        """Return whether a film of these bytes or this SOP Instance UID is here, whatever its content."""
        same = self._having(person, FilmRecord.sha256 == upload.sha256)
        return bool(same or self._named(person, upload))

    def lost(self, person: Person, upload: Upload) -> list[tuple[str, str]]:
        """Return the keys of study and film where a film of these bytes is recorded and the store has lost its file.

        Raises
        ------
        Unavailable
            If the store does not say.
        """
        same = self._having(person, FilmRecord.sha256 == upload.sha256)
        try:
            return [(film.study.key, film.key) for film in same if self._store.is_lost(film.study.key, film.sha256)]
        except OSError as error:
            raise not_fetched() from error

    def note(self, clinic: int, film: FilmRecord) -> None:
        """Note that a content is this film, if it is no other yet; of two that do so at once, one collides.

        Raises
        ------
        CollisionError
            If it is another film of the same study. Somebody may have typed that it is another patient's, too.
        """
        for content in {film.sha256, film.instance_uid or film.sha256}:
            noted = self._session.get(FilmContent, (clinic, content))
            if noted is None:
                self._session.add(FilmContent(clinic_id=clinic, content=content, film_id=film.id))
            elif self._session.get_one(FilmRecord, noted.film_id).study_id == film.study_id:
                raise CollisionError(f"Study {film.study.key} has another film {content}.")

    def _named(self, person: Person, upload: Upload) -> list[FilmRecord]:
        """Return the films with an upload's SOP Instance UID, also those that got another one when they were taken."""
        uids = upload.uids
        if uids.instance is None:
            return []
        named = self._having(person, FilmRecord.instance_uid == uids.instance)
        siblings = self._having(person, FilmRecord.study_uid == uids.study) if uids.study else []
        renamed = [film for film in siblings if is_renamed(film)]
        return [*named, *(film for film in renamed if self._came_as(film) == uids.instance)]

    def _came_as(self, film: FilmRecord) -> str:
        """Return the SOP Instance UID that a film's file states; '' where the file is lost."""
        kept = self._kept(film)
        header = read_header(kept) if kept is not None else None
        return header.instance_uid if header else ""

    def _kept(self, film: FilmRecord) -> bytes | None:
        """Return a film's file; None where it is lost.

        Raises
        ------
        Unavailable
            If the store does not give it.
        """
        try:
            is_lost = self._store.is_lost(film.study.key, film.sha256)
            return None if is_lost else self._store.get(film.study.key, film.sha256)
        except OSError as error:
            raise Unavailable("A film from this upload cannot be compared right now. Please try again.") from error

    def _having(self, person: Person, condition: ColumnElement[bool]) -> list[FilmRecord]:
        query = select(FilmRecord).join(Study).where(condition, Study.clinic_id == person.clinic_id)
        return list(self._session.scalars(query.order_by(FilmRecord.id)))

    def _is_of_another(self, person: Person, film: FilmRecord, typed: PatientFacts) -> bool:
        """Return whether a person typed another patient than the one whom a film is filed under.

        Without an identifier, the film's own counts. Where it is not sure who is meant, the record that the film named
        decides.
        """
        named = film.study.merged_from_id or film.study.patient_id
        record = self._patients.by_ids(person, [named])[named]
        of_record = replace(typed, identifier=record.identifier, issuer=record.issuer)
        match = self._patients.match(person, typed if typed.identifier else of_record)
        if match is not None:
            return match.patient.id != film.study.patient_id
        return self._are_two(record.facts, typed)

    def _difference(self, film: FilmRecord, upload: Upload) -> Difference | None:
        header = upload.header or DicomHeader()
        if film.kind != "DICOM":  # its DICOM object is made anew for each request
            return None if header.manufacturer == MANUFACTURER else Difference.PIXELS
        kept = self._kept(film)
        if kept is None:
            return Difference.PIXELS  # nobody can say that it is the same: an administrator decides
        here = PatientFacts.from_json(film.header) if film.header else facts_of(read_header(kept) or DicomHeader())
        return self._difference_from(kept, here, upload)

    def _difference_from(self, data: bytes, patient: PatientFacts, upload: Upload) -> Difference | None:
        rules = self._patients.rules
        if self._are_two(rules.stated(patient), rules.stated(facts_of(upload.header or DicomHeader()))):
            return Difference.PATIENT
        return None if has_same_pixels(data, upload.data) else Difference.PIXELS

    def _are_two(self, one: PatientFacts, other: PatientFacts) -> bool:
        return is_another_patient(one, other, self._patients.rules) or bool(contradictions(one, other))


def is_renamed(film: FilmRecord) -> bool:
    """Return whether a film got a SOP Instance UID here in place of its own, which is another film's."""
    return film.instance_uid == renamed_uid(film.study)


def renamed_uid(study: Study) -> str:
    """Return the SOP Instance UID of the one film of a study that was made of a held film."""
    return own_uid("film kept aside", study.key)


def has_same_pixels(one: bytes, other: bytes) -> bool:
    """Return whether two DICOM films have the same pixels, perhaps compressed in different ways."""
    if digest_of(one) == digest_of(other):
        return True
    try:
        (syntax, mine), (another, others) = read_elements(one), read_elements(other)
        is_comparable = syntax == another and PIXEL_DATA in mine and PIXEL_DATA in others
        if is_comparable and mine[PIXEL_DATA].value == others[PIXEL_DATA].value:
            return True
        return np.array_equal(open_film(one).pixels, open_film(other).pixels)
    except Refusal:
        return False
