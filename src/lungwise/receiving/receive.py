"""Receiving: files go to the store first, and are recorded then in a short transaction, or leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.receiving.film_files import FilmFiles, film_files
from lungwise.receiving.kept_objects import K, KeptObjects
from lungwise.receiving.recording import Recording
from lungwise.receiving.uploads import Upload
from lungwise.store import Database, FilmStore, new_key, retried

T = TypeVar("T")
Record = Callable[[Recording, dict[str, Upload]], None]
"""Records files that lie in the store, by their names there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive:
    """What every way in does alike. Nobody waits for the store's disk: no transaction is open while it writes.

    Parameters
    ----------
    recording_over
        Makes what records films, over a session and for the network address that they come from.
    wake
        Called when films wait to be read.
    begin
        Called before the first transaction: the caller may have one, which must end.
    """

    database: Database
    store: FilmStore
    recording_over: Callable[[Session, str], Recording]
    wake: Callable[[], None]
    begin: Callable[[], None] = lambda: None
    address: str = ""

    def at(self, address: str) -> Receive:
        """Return the same for what comes from a network address."""
        return replace(self, address=address)

    @contextmanager
    def reading(self) -> Iterator[Recording]:
        """Open a transaction that only reads."""
        with self.database.reading() as session:
            yield self.recording_over(session, self.address)

    def run(self, attempt: Callable[[FilmFiles], T]) -> T:
        """Repeat an attempt while its transaction collides with others, and remove the files that nothing records."""
        with film_files(self.database, self.store) as files:
            return retried(lambda: attempt(files))

    def record(
        self, files: FilmFiles, key: str, uploads: Iterable[Upload], record: Record, *, anew: bool = False
    ) -> None:
        """Put uploads into the folder of a key, and record them in one transaction.

        Where it is done `anew`, files that are there are replaced, since they are damaged.

        Raises
        ------
        Unavailable
            If the store does not take them.
        """
        stored = files.put(key, uploads, anew=anew)
        with self.database.writing() as session:
            record(self.recording_over(session, self.address), stored)
        files.committed = key

    def put_back(self, files: FilmFiles, person: Person, uploads: Iterable[Upload]) -> None:
        """Put films back into the store, in each study that has their bytes and has lost the file.

        Those that could not be read for that are read now.
        """
        with self.reading() as recording:
            lost = [(upload, *place) for upload in uploads for place in recording.duplicates.lost(person, upload)]
        for upload, study, film in lost:
            self.record(files, study, [upload], partial(_note_return, person=person, film=film), anew=True)
            self.wake()

    def hold(self, files: FilmFiles, person: Person, upload: Upload, sender: str) -> None:
        """Hold a film for an administrator if another film has its SOP Instance UID, unless it is held already."""
        with self.reading() as recording:
            known, difference = recording.duplicates.compare(person, upload)
        if known is None or difference is None:
            return

        def hold(recording: Recording, key: str) -> None:
            recording.held.hold(person, key, upload, known, difference, sender)
            recording.quota.count(person, [upload])

        self.keep(files, person, upload, lambda recording: recording.held, hold)

    def keep_object(self, files: FilmFiles, person: Person, item: Upload, sender: str) -> bool:
        """Keep a report or the like beside its study; return False if it is here already, its file too."""

        def keep(recording: Recording, key: str) -> None:
            recording.objects.record(person, key, item, sender)
            recording.quota.count(person, [item])

        return self.keep(files, person, item, lambda recording: recording.objects, keep)

    def keep(
        self,
        files: FilmFiles,
        person: Person,
        upload: Upload,
        rows: Callable[[Recording], KeptObjects[K]],
        record: Callable[[Recording, str], None],
    ) -> bool:
        """Keep an object in a folder of its own; return False if it is here already, its file too.

        One that is recorded and whose file is lost is put back; any other is recorded under the key of its folder.
        """
        with self.reading() as recording:
            kept = rows(recording).find(person, upload)
            if kept is not None and rows(recording).is_stored(kept):
                return False
        key = kept.key if kept else new_key()

        def note(recording: Recording, _stored: dict[str, Upload]) -> None:
            if kept is not None:
                rows(recording).put_back(person, key, upload)
            else:
                record(recording, key)

        self.record(files, key, [upload], note, anew=kept is not None)
        return True


def _note_return(recording: Recording, _stored: dict[str, Upload], *, person: Person, film: str) -> None:
    recording.note_return(person, film)
