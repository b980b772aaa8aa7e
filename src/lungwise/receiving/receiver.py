"""The receiver: keeps a film that comes over the network, so that whoever sent it may forget it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.receiving.film_files import FilmFiles, film_files
from lungwise.receiving.recording import Recording
from lungwise.receiving.uploads import ReceivedInstance
from lungwise.store import Database, FilmStore, new_key, retried


class Kept(StrEnum):
    """What became of an object that came, in the words of the log. Whatever it is, its sender may forget it."""

    NEW = "accepted"
    KNOWN = "known already"
    ASIDE = "kept aside: its SOP Instance UID is known with other content"
    OBJECT = "kept beside its study"
    OBJECT_LEFT = "acknowledged and not kept, as is set"
    OWN_RESULT = "Lungwise's own result, which is not kept"


class FilmReceiver:
    """Accepts films in the name of a node. Safe in many threads and processes at once.

    Parameters
    ----------
    wake
        Called when a film waits to be read.
    begin
        Called before each film's first transaction: whoever calls may have one, which must end.
    """

    def __init__(
        self,
        database: Database,
        store: FilmStore,
        recording_over: Callable[[Session, str], Recording],
        node: Person,
        wake: Callable[[], None],
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._store = store
        self._recording_over = recording_over
        self._node = node
        self._wake = wake
        self._begin = begin

    def accept(self, instance: ReceivedInstance, address: str) -> Kept:
        """Keep a film, its study and its job. When this returns, the film survives a power cut.

        Raises
        ------
        Rejected
            If its study has its most films already.
        Unavailable, SQLAlchemyError
            If store or database cannot keep it now.
        """
        self._begin()
        with film_files(self._database, self._store) as files:
            kept = retried(lambda: self._attempt(files, instance, address))
        if kept is Kept.NEW:
            self._wake()
        return kept

    def _attempt(self, files: FilmFiles, instance: ReceivedInstance, address: str) -> Kept:
        with self._database.reading() as session:
            recording = self._recording_over(session, address)
            if recording.is_own_result(self._node, instance.film):
                return Kept.OWN_RESULT
            if instance.film.is_object:
                return self._keep_object(recording, files, instance, address)
            known, difference = recording.duplicates.compare(self._node, instance.film)
            if known is None:
                key = recording.place(self._node, instance)
            elif difference is None:
                return Kept.KNOWN
            elif recording.held.is_held(self._node, instance.film):
                return Kept.ASIDE
            else:
                key = new_key()
        name = next(iter(files.put(key, [instance.film])))  # before the transaction: nobody waits for this disk
        with self._database.writing() as session:
            recording = self._recording_over(session, address)
            if known is None or difference is None:
                recording.receive(self._node, key, name, instance)
            else:
                recording.held.hold(self._node, key, instance.film, known, difference, instance.sender)
        files.committed = key
        return Kept.NEW if known is None else Kept.ASIDE

    def _keep_object(self, recording: Recording, files: FilmFiles, instance: ReceivedInstance, address: str) -> Kept:
        if not recording.limits.keeps_objects:
            return Kept.OBJECT_LEFT
        if recording.objects.is_here(self._node, instance.film):
            return Kept.KNOWN
        key = new_key()
        files.put(key, [instance.film])
        with self._database.writing() as session:
            recording = self._recording_over(session, address)
            recording.objects.record(self._node, key, instance.film, instance.sender)
        files.committed = key
        return Kept.OBJECT
