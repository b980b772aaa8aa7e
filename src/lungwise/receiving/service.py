"""Uploads: films go to the store first and into the database then, in one transaction, or leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.errors import Rejected
from lungwise.films.dicom.header import read_header
from lungwise.films.refusals import N_
from lungwise.patients.service import PatientFacts
from lungwise.receiving.duplicates import Sorted
from lungwise.receiving.film_files import FilmFiles, film_files
from lungwise.receiving.other_files import NotTaken, Why
from lungwise.receiving.recording import Recording
from lungwise.receiving.uploads import Files, Limits, Unpacked, Upload, unpack
from lungwise.store import CollisionError, Database, FilmStore, new_key, retried

__all__ = ["Once", "Saved", "Uploads"]


class Once(Protocol):
    """What makes a request that is sent twice be done once."""

    def earlier(self, session: Session) -> str | None:
        """Give the study that came of the same request before; none where it is new."""

    def keep(self, session: Session, study: str) -> None:
        """Keep which study comes of the request, in the transaction that saves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What came of an upload: the study, how many films of the upload it has, and the files that are no film of it."""

    key: str
    taken: int
    others: list[NotTaken]

    @property
    def opened(self) -> bool:
        """Whether the study came of this upload, or films were added to it; else it had all films already."""
        return all(other.study != self.key for other in self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorting:
    """The films of an upload, and what is said of the others."""

    films: Sorted
    others: list[NotTaken]

    def saved(self, key: str | None, put: FilmFiles | None = None) -> Saved:
        """Give what came of it: films were put for a study, or all were there already.

        Raises
        ------
        Rejected
            If no film is taken and none is here.
        """
        if key is not None:  # what is in this study needs no word
            if put is not None:
                put.committed = key
            here = sum(film.study.key == key for _upload, film in self.films.known)
            taken = here + (len(self.films.new) if put else 0)
            return Saved(key=key, taken=taken, others=[one for one in self.others if one.study != key])
        if not self.films.known:
            why = self.others[-1].why if self.others else Why.NO_FILM
            raise Rejected(_NOTHING[why])
        return Saved(key=self.films.known[0][1].study.key, taken=0, others=self.others)


_NOTHING = {
    Why.KEPT_ASIDE: N_(
        "The clinic has another film of this SOP Instance UID, with other pixels or another patient. "
        "This one is kept aside, and an administrator can take it."
    ),
    Why.OWN_RESULT: N_("This is a result of Lungwise, not a film. Choose the film itself."),
}


class Always:
    """A request that is done each time that it is sent."""

    def earlier(self, session: Session) -> str | None:
        """Know of no earlier request."""
        return None

    def keep(self, session: Session, study: str) -> None:
        """Keep nothing."""


class Uploads:
    """Saves what people and programs upload. Each upload has transactions of its own, and nobody waits for its disk.

    Parameters
    ----------
    wake
        Called when films wait to be read.
    begin
        Called before the first transaction: whoever calls may have one, which must end.
    """

    def __init__(
        self,
        database: Database,
        store: FilmStore,
        limits: Limits,
        recording_over: Callable[[Session], Recording],
        wake: Callable[[], None],
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._store = store
        self._limits = limits
        self._recording_over = recording_over
        self._wake = wake
        self._begin = begin

    def open(
        self, person: Person, facts: PatientFacts, files: Files, once: Once | None = None, *, asks: bool = False
    ) -> Saved:
        """Save a new study with its films, each with the job of reading it.

        A film that the clinic has already is not saved again; where it has them all, their study is given. Where it is
        not clear who the patient is and this `asks` the person, reading waits a while for the answer.

        Raises
        ------
        Rejected
            If there is no film, or the films are not the named patient's.
        Unavailable
            If the store does not take them.
        """
        person.need(Right.UPLOAD)
        self._begin()
        unpacked = unpack(files, self._limits)
        once = once or Always()

        def attempt(put: FilmFiles) -> Saved:
            with self._database.reading() as session:
                recording = self._recording_over(session)
                found = self._sorted(recording, person, unpacked, facts)
                earlier = once.earlier(session)
                if earlier is not None:
                    return found.saved(earlier)
                if not found.films.new:
                    return found.saved(None)
                recording.agreed(facts, found.films.new)
            key = new_key()
            kept = put.put(key, found.films.new)
            with self._database.writing() as session:
                earlier = once.earlier(session)
                if earlier is not None:
                    return found.saved(earlier)
                recording = self._recording_over(session)
                _check_unchanged(recording, person, found, facts)
                recording.record(person, key, facts, kept, asks=asks)
                once.keep(session, key)
            return found.saved(key, put)

        return self._saved(person, unpacked, attempt)

    def add_films(self, person: Person, key: str, files: Files, once: Once | None = None) -> Saved:
        """Save further films of a study; a film that the clinic has already is not saved twice."""
        person.need(Right.UPLOAD)
        self._begin()
        unpacked = unpack(files, self._limits)
        once = once or Always()

        def attempt(put: FilmFiles) -> Saved:
            with self._database.reading() as session:
                recording = self._recording_over(session)
                facts = recording.facts(person, key)
                found = self._sorted(recording, person, unpacked, facts)
                earlier = once.earlier(session)
                if earlier is None:
                    recording.admit(person, key, [*found.films.new, *(one for one, _film in found.films.known)])
            if earlier is not None or not found.films.new:
                return found.saved(key)
            kept = put.put(key, found.films.new)
            with self._database.writing() as session:
                if once.earlier(session) is None:
                    recording = self._recording_over(session)
                    _check_unchanged(recording, person, found, facts)
                    recording.record_more(person, key, kept)
                    once.keep(session, key)
            return found.saved(key, put)

        return self._saved(person, unpacked, attempt)

    def take(self, person: Person, held_key: str) -> str:
        """Make a film kept aside the one film of a new study, and give that study's key.

        Its bytes stay as they came; it gets a SOP Instance UID of its own beside them.

        Raises
        ------
        Unavailable
            If the store does not give or take it.
        """
        self._begin()
        with self._database.reading() as session:
            held = self._recording_over(session).held
            data = held.data(held.get(person, held_key))
        key = new_key()

        def attempt(put: FilmFiles) -> None:
            kept = put.put(key, [Upload(data=data, kind="DICOM", header=read_header(data))])
            with self._database.writing() as session:
                recording = self._recording_over(session)
                recording.held.discard(person, held_key)
                recording.record(person, key, PatientFacts(), kept, renames=True)
            put.committed = key

        with film_files(self._database, self._store) as files:
            retried(lambda: attempt(files))
        self._wake()
        return key

    def _sorted(self, recording: Recording, person: Person, unpacked: Unpacked, facts: PatientFacts) -> _Sorting:
        """Leave out results of Lungwise, and tell the new films from those that are here."""
        films = [one for one in unpacked.films if not recording.is_own_result(person, one)]
        own = [NotTaken(name=one.name, why=Why.OWN_RESULT) for one in unpacked.films if one not in films]
        found = recording.duplicates.sort(person, films, facts)
        known = [NotTaken(name=one.name, why=Why.ALREADY_HERE, study=film.study.key) for one, film in found.known]
        aside = [NotTaken(name=one.name, why=Why.KEPT_ASIDE) for one, _film, _difference in found.held]
        return _Sorting(films=found, others=[*unpacked.others, *own, *known, *aside])

    def _saved(self, person: Person, unpacked: Unpacked, attempt: Callable[[FilmFiles], Saved]) -> Saved:
        """Keep aside what has another film's UID, and save the rest, or say that there is nothing to save."""
        self._hold(person, unpacked)
        with film_files(self._database, self._store) as files:
            saved = retried(lambda: attempt(files))
        if saved.taken:
            self._wake()
        for item in unpacked.objects if self._limits.keeps_objects else ():
            with film_files(self._database, self._store) as files:
                retried(partial(self._keep_object, files, person, item, new_key()))
        return saved

    def _keep_object(self, files: FilmFiles, person: Person, item: Upload, key: str) -> None:
        """Keep a report or the like beside its study."""
        with self._database.reading() as session:
            if self._recording_over(session).objects.is_here(person, item):
                return
        files.put(key, [item])
        with self._database.writing() as session:
            self._recording_over(session).objects.record(person, key, item, "upload")
        files.committed = key

    def _hold(self, person: Person, unpacked: Unpacked) -> None:
        def attempt(put: FilmFiles, upload: Upload, key: str) -> None:
            with self._database.reading() as session:
                recording = self._recording_over(session)
                known, difference = recording.duplicates.compare(person, upload)
                if known is None or difference is None or recording.held.is_held(person, upload):
                    return
            put.put(key, [upload])
            with self._database.writing() as session:
                self._recording_over(session).held.hold(person, key, upload, known, difference, "upload")
            put.committed = key

        for upload in unpacked.films:
            if upload.uids.instance is not None:
                with film_files(self._database, self._store) as files:
                    retried(partial(attempt, files, upload, new_key()))


def _check_unchanged(recording: Recording, person: Person, found: _Sorting, facts: PatientFacts) -> None:
    """Begin anew where one of the new films came by another way meanwhile."""
    if len(recording.duplicates.sort(person, found.films.new, facts).new) != len(found.films.new):
        raise CollisionError("A film of this upload is here now.")
