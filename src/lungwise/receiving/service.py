"""Uploads: what people and programs send becomes a new study, or films of a study."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.errors import Rejected
from lungwise.films.dicom.header import read_header
from lungwise.films.refusals import N_
from lungwise.patients.service import PatientFacts
from lungwise.receiving.duplicates import SortedFilms
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.other_files import SkippedFile, SkipReason
from lungwise.receiving.receive import Receive
from lungwise.receiving.recording import Recording
from lungwise.receiving.uploads import Files, Limits, Unpacked, Upload, unpack
from lungwise.store import CollisionError, new_key
from lungwise.studies.clinical_details import NO_DETAILS, ClinicalDetails
from lungwise.studies.models import FilmRecord
from lungwise.studies.visibility import is_visible_to

__all__ = ["Once", "Saved", "Uploads"]

_SENDER = "upload"


class Once(Protocol):
    """Makes a request that is sent twice be done once."""

    def earlier(self, session: Session) -> str | None:
        """Return the study that came of the same request before; None where it is new."""

    def keep(self, session: Session, study: str) -> None:
        """Keep which study comes of the request, in the transaction that saves it."""


class Always:
    """A request that is done each time that it is sent."""

    def earlier(self, session: Session) -> str | None:
        """Know of no earlier request."""
        return None

    def keep(self, session: Session, study: str) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What came of an upload: the study, how many of the films it has, and the files that are not new films of it.

    Parameters
    ----------
    elsewhere
        The studies of other patients that have the same films and that the person sees: one of them may be wrong, as
        where somebody corrected the patient after a first upload whose answer was lost.
    """

    key: str
    taken: int
    skipped: list[SkippedFile]
    elsewhere: tuple[str, ...] = ()

    @property
    def opened(self) -> bool:
        """Whether the upload opened the study or added films to it; otherwise it had all films already."""
        return all(other.study != self.key for other in self.skipped)


@dataclass(slots=True)
class _NewStudy:
    """Films that become a study. Both destinations know, check and record in their own way."""

    typed: PatientFacts
    asks: bool
    details: ClinicalDetails
    key: str = ""

    def facts(self, recording: Recording, person: Person) -> PatientFacts:
        return self.typed

    def check(self, recording: Recording, person: Person, found: SortedFilms) -> None:
        recording.agreed_facts(self.typed, found.new)

    def record(self, recording: Recording, person: Person, key: str, stored: dict[str, Upload]) -> None:
        recording.record(person, key, self.typed, stored, asks=self.asks).clinical = self.details


@dataclass(slots=True)
class _ExistingStudy:
    """Films that are added to a study."""

    key: str

    def facts(self, recording: Recording, person: Person) -> PatientFacts:
        return recording.facts(person, self.key)

    def check(self, recording: Recording, person: Person, found: SortedFilms) -> None:
        recording.admit(person, self.key, [*found.new, *(upload for upload, _film in found.known)])

    def record(self, recording: Recording, person: Person, key: str, stored: dict[str, Upload]) -> None:
        recording.record_more(person, key, stored)


_Destination = _NewStudy | _ExistingStudy


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """An upload whose films are sorted and may be kept, with the study that came of the same request before, if any."""

    facts: PatientFacts
    films: SortedFilms
    skipped: list[SkippedFile]
    earlier: str | None


class Uploads:
    """Saves what people and programs upload, each upload in transactions of its own."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive = receive
        self._limits = limits

    def open(
        self,
        person: Person,
        facts: PatientFacts,
        files: Files,
        once: Once | None = None,
        *,
        details: ClinicalDetails = NO_DETAILS,
        asks: bool = False,
    ) -> Saved:
        """Save a new study with its films, each with the job of reading it.

        A film that the clinic has already is not saved again; where it has them all, their study is returned. Where it
        is not clear who the patient is and this `asks` the person, reading waits a while for the answer.

        Raises
        ------
        Rejected
            If there is no film, or the films are not the named patient's.
        Unavailable
            If the store does not take them.
        """
        return self._save(person, files, once or Always(), _NewStudy(facts, asks, details))

    def add_films(self, person: Person, key: str, files: Files, once: Once | None = None) -> Saved:
        """Save further films of a study; a film that the clinic has already is not saved twice."""
        return self._save(person, files, once or Always(), _ExistingStudy(key))

    def take(self, person: Person, held_key: str) -> str:
        """Make a held film the one film of a new study, and return that study's key.

        Its bytes stay as they came. Where its SOP Instance UID is still another film's, it gets one of its own beside
        them. Where it is here by now, it is held no longer, and its study is returned.

        Raises
        ------
        Unavailable
            If the store does not give or take it.
        """
        self._receive.begin()
        with self._receive.reading() as recording:
            data = recording.held.data(recording.held.get(person, held_key))
        film = Upload(data=data, kind="DICOM", header=read_header(data))
        self._receive.run(partial(self._receive.put_back, person=person, uploads=[film]))
        key = self._receive.run(lambda put: self._take(put, person, held_key, film))
        self._receive.wake()
        return key

    def _take(self, files: FilmFiles, person: Person, held_key: str, film: Upload) -> str:
        with self._receive.reading() as recording:
            known, difference = recording.duplicates.compare(person, film)
            here = known.study.key if known is not None and difference is None else None
        key = here or new_key()

        def record(recording: Recording, stored: dict[str, Upload]) -> None:
            now, difference_now = recording.duplicates.compare(person, film)
            if (now and now.key, difference_now) != (known and known.key, difference):
                raise CollisionError("A film of this SOP Instance UID came or went meanwhile.")
            recording.held.discard(person, held_key)
            if now is not None and here:
                recording.lock(now.study, [now.sha256])
            else:
                recording.record(person, key, PatientFacts(), stored, renames=now is not None)

        self._receive.record(files, key, [] if here else [film], record)
        return key

    def _save(self, person: Person, files: Files, once: Once, study: _Destination) -> Saved:
        """Put back what is lost, hold what has another film's UID, save the new films and what lies beside them."""
        person.need(Right.UPLOAD)
        self._receive.begin()
        unpacked = unpack(files, self._limits)
        self._receive.run(partial(self._receive.put_back, person=person, uploads=unpacked.films))
        found = self._receive.run(lambda _put: self._check(person, unpacked, once, study)).films
        self._hold(person, [upload for upload, _film, _difference in found.held])
        saved = self._receive.run(lambda put: self._attempt(put, person, unpacked, once, study))
        if saved.taken:
            self._receive.wake()
        self._hold(person, found.to_hold)
        for item in unpacked.objects:
            self._receive.run(partial(self._receive.keep_object, person=person, item=item, sender=_SENDER))
        return replace(saved, elsewhere=self._elsewhere(person, unpacked.films, study))

    def _hold(self, person: Person, films: list[Upload]) -> None:
        for film in films:
            self._receive.run(partial(self._receive.hold, person=person, upload=film, sender=_SENDER))

    def _elsewhere(self, person: Person, films: list[Upload], study: _Destination) -> tuple[str, ...]:
        with self._receive.reading() as recording:
            found = recording.duplicates.of_others(person, films, study.facts(recording, person))
            return tuple(dict.fromkeys(film.study.key for film in found if is_visible_to(person, film.study)))

    def _check(self, person: Person, unpacked: Unpacked, once: Once, study: _Destination) -> _Checked:
        """Sort an upload's films, and check by reading alone whether all of it may be kept."""
        with self._receive.reading() as recording:
            facts = study.facts(recording, person)
            films, skipped = _sort(recording, person, unpacked, facts)
            earlier = once.earlier(recording.session)
            if earlier is None:
                study.check(recording, person, films)
                new_held = [one for one in _to_hold(films) if not recording.held.has(person, one)]
                new_objects = [one for one in unpacked.objects if not recording.objects.has(person, one)]
                recording.quota.check(person, [*films.new, *new_held, *new_objects])
        return _Checked(facts=facts, films=films, skipped=skipped, earlier=earlier)

    def _attempt(self, files: FilmFiles, person: Person, unpacked: Unpacked, once: Once, study: _Destination) -> Saved:
        checked = self._check(person, unpacked, once, study)
        new = checked.films.new
        if checked.earlier is not None or not new:
            return _saved(checked.earlier or study.key, checked)
        key = study.key or new_key()

        def record(recording: Recording, stored: dict[str, Upload]) -> None:
            if once.earlier(recording.session) is not None:
                raise CollisionError("The same request was done meanwhile.")
            if len(recording.duplicates.sort(person, new, checked.facts).new) != len(new):
                raise CollisionError("A film of this upload is here now.")
            study.record(recording, person, key, stored)
            recording.quota.count(person, new)
            once.keep(recording.session, key)

        self._receive.record(files, key, new, record)
        return _saved(key, checked, added=len(new))


def _sort(
    recording: Recording, person: Person, unpacked: Unpacked, facts: PatientFacts
) -> tuple[SortedFilms, list[SkippedFile]]:
    """Leave out results of Lungwise, and tell the new films from those that are here."""
    films = [one for one in unpacked.films if not recording.is_own_result(person, one)]
    own = [SkippedFile(name=one.name, reason=SkipReason.OWN_RESULT) for one in unpacked.films if one not in films]
    found = recording.duplicates.sort(person, films, facts)
    known = [
        SkippedFile(name=one.name, reason=SkipReason.ALREADY_HERE, study=_shown_key(person, film))
        for one, film in found.known
    ]
    held = [SkippedFile(name=one.name, reason=SkipReason.KEPT_ASIDE) for one in _to_hold(found)]
    return found, [*unpacked.skipped, *own, *known, *held]


def _to_hold(found: SortedFilms) -> list[Upload]:
    """Return the films with the UID of another one, here or in the same upload."""
    return [*(upload for upload, _film, _difference in found.held), *found.to_hold]


def _shown_key(person: Person, film: FilmRecord) -> str:
    """Return the key of a film's study, where the person sees it."""
    return film.study.key if is_visible_to(person, film.study) else ""


def _saved(key: str, checked: _Checked, *, added: int = 0) -> Saved:
    """Sum up what came of an upload: films were added to a study, or all of them were here.

    Raises
    ------
    Rejected
        If no film is taken and none is here, or only in studies that the person does not see.
    """
    films, skipped = checked.films, checked.skipped
    if key:  # what is in this study needs no mention
        here = sum(film.study.key == key for _upload, film in films.known)
        return Saved(key=key, taken=here + added, skipped=[one for one in skipped if one.study != key])
    if not films.known:
        raise Rejected(_NO_NEW_FILM[skipped[-1].reason if skipped else SkipReason.NOT_A_FILM])
    seen = next((one.study for one in skipped if one.study), None)
    if seen is None:
        raise Rejected(
            "The clinic already has this film, in a study that somebody else uploaded. Ask them for the result."
        )
    return Saved(key=seen, taken=0, skipped=skipped)


_NO_NEW_FILM = {
    SkipReason.KEPT_ASIDE: N_(
        "The clinic already has a film with this SOP Instance UID, with different pixels or for another "
        "patient. This one is set aside, and an administrator can accept it."
    ),
    SkipReason.OWN_RESULT: N_("This is a result of Lungwise, not a film. Choose the film itself."),
}
