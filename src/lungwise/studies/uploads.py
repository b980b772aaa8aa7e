"""Uploads: films go to the store first and into the database then, in one transaction, or leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sqlalchemy.orm import Session

from lungwise.accounts.person import Person, Right
from lungwise.films.header import read_header
from lungwise.patients.service import PatientFacts
from lungwise.store import Database, FilmStore, new_key, retried
from lungwise.studies.film_files import FilmFiles, film_files
from lungwise.studies.intake import Files, Limits, Upload, unpack
from lungwise.studies.service import Studies

__all__ = ["Once", "Uploads"]


class Once(Protocol):
    """What makes a request that is sent twice be done once."""

    def earlier(self, session: Session) -> str | None:
        """Give the study that came of the same request before; none where it is new."""

    def keep(self, session: Session, study: str) -> None:
        """Keep which study comes of the request, in the transaction that saves it."""


class Always:
    """A request that is done each time that it is sent."""

    def earlier(self, session: Session) -> str | None:
        """Know of no earlier request."""
        return None

    def keep(self, session: Session, study: str) -> None:
        """Keep nothing."""


class Uploads:
    """Saves what people and programs upload. Each upload has transactions of its own, and nobody waits for its disk."""

    def __init__(
        self,
        database: Database,
        store: FilmStore,
        limits: Limits,
        studies_over: Callable[[Session], Studies],
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._store = store
        self._limits = limits
        self._studies_over = studies_over
        self._wake = wake

    def open(
        self, person: Person, facts: PatientFacts, files: Files, once: Once | None = None, *, asks: bool = False
    ) -> str:
        """Save a new study with its films, each with the job of reading it, and give its key.

        Where it is not clear who the patient is and this `asks` the person, reading waits a while for the answer.

        Raises
        ------
        Rejected
            If a file is no film, or the films are not the named patient's.
        Unavailable
            If the store does not take them.
        """
        person.need(Right.UPLOAD)
        uploads = unpack(files, self._limits)
        key = new_key()

        def check(studies: Studies) -> None:
            studies.agreed(facts, uploads)

        def record(studies: Studies, kept: dict[str, Upload]) -> None:
            studies.record(person, key, facts, kept, asks=asks)

        return self._save(key, uploads, once or Always(), check, record)

    def add_films(self, person: Person, key: str, files: Files, once: Once | None = None) -> str:
        """Save further films of a study; a film that it has already is not saved twice."""
        person.need(Right.UPLOAD)
        uploads = unpack(files, self._limits)

        def check(studies: Studies) -> None:
            studies.admit(person, key, uploads)

        def record(studies: Studies, kept: dict[str, Upload]) -> None:
            studies.record_more(person, key, kept)

        return self._save(key, uploads, once or Always(), check, record)

    def take(self, person: Person, held_key: str) -> str:
        """Make a film kept aside the one film of a new study, and give that study's key.

        Its bytes stay as they came; it gets a SOP Instance UID of its own beside them.

        Raises
        ------
        Unavailable
            If the store does not give or take it.
        """
        with self._database.reading() as session:
            held = self._studies_over(session).held
            data = held.data(held.get(person, held_key))
        key, uploads = new_key(), [Upload(data, "DICOM", read_header(data))]
        discarded: list[Callable[[], None]] = []

        def record(studies: Studies, kept: dict[str, Upload]) -> None:
            discarded[:] = [studies.held.discard(person, held_key)]
            studies.record(person, key, PatientFacts(), kept, renames=True)

        saved = self._save(key, uploads, Always(), lambda studies: None, record)
        for deed in discarded:
            deed()
        return saved

    def _save(
        self,
        key: str,
        uploads: list[Upload],
        once: Once,
        check: Callable[[Studies], None],
        record: Callable[[Studies, dict[str, Upload]], None],
    ) -> str:
        """Ask first whether the films will be refused, put them, and write what is to be known of them."""
        with self._database.reading() as session:
            earlier = once.earlier(session)
            if earlier is not None:
                return earlier
            check(self._studies_over(session))
        with film_files(self._database, self._store) as files:
            saved = retried(lambda: self._attempt(files, key, uploads, once, record))
            files.committed = saved
        self._wake()
        return saved

    def _attempt(
        self,
        files: FilmFiles,
        key: str,
        uploads: list[Upload],
        once: Once,
        record: Callable[[Studies, dict[str, Upload]], None],
    ) -> str:
        kept = files.put(key, uploads)
        with self._database.writing() as session:
            earlier = once.earlier(session)
            if earlier is not None:
                return earlier
            record(self._studies_over(session), kept)
            once.keep(session, key)
        return key
