"""The reception: keeps a film that comes over the network, so that whoever sent it may forget it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.receiving.film_files import FilmFiles, film_files
from lungwise.receiving.uploads import ReceivedInstance
from lungwise.store import Database, FilmStore, new_key, retried
from lungwise.studies.service import Studies


class Kept(StrEnum):
    """What became of an object that came, in the words of the log. Whatever it is, its sender may forget it."""

    NEW = "accepted"
    KNOWN = "known already"
    ASIDE = "kept aside: its SOP Instance UID is known with other content"
    OBJECT = "kept beside its study"
    OBJECT_LEFT = "acknowledged and not kept, as is set"
    OWN_RESULT = "Lungwise's own result, which is not kept"


class FilmReceiver:
    """Accepts films in the name of a node. Safe in many threads and processes at once."""

    def __init__(
        self,
        database: Database,
        store: FilmStore,
        studies_over: Callable[[Session, str], Studies],
        node: Person,
        ring: Callable[[], None],
    ) -> None:
        self._database = database
        self._store = store
        self._studies_over = studies_over
        self._node = node
        self._ring = ring

    def accept(self, arrival: ReceivedInstance, address: str) -> Kept:
        """Keep a film, its study and its job. When this returns, the film survives a power cut.

        Raises
        ------
        Rejected
            If its study has its most films already.
        Unavailable, SQLAlchemyError
            If store or database cannot keep it now.
        """
        with film_files(self._database, self._store) as files:
            kept = retried(lambda: self._attempt(files, arrival, address))
        if kept is Kept.NEW:
            self._ring()
        return kept

    def _attempt(self, files: FilmFiles, arrival: ReceivedInstance, address: str) -> Kept:
        with self._database.reading() as session:
            studies = self._studies_over(session, address)
            if studies.is_own_result(self._node, arrival.film):
                return Kept.OWN_RESULT
            if arrival.film.is_object:
                return self._keep_object(studies, files, arrival, address)
            known, difference = studies.duplicates.compare(self._node, arrival.film)
            if known is None:
                key = studies.place(self._node, arrival)
            elif difference is None:
                return Kept.KNOWN
            elif studies.held.is_held(self._node, arrival.film):
                return Kept.ASIDE
            else:
                key = new_key()
        name = next(iter(files.put(key, [arrival.film])))  # before the transaction: nobody waits for this disk
        with self._database.writing() as session:
            studies = self._studies_over(session, address)
            if known is None or difference is None:
                studies.receive(self._node, key, name, arrival)
            else:
                studies.held.hold(self._node, key, arrival.film, known, difference, arrival.sender)
        files.committed = key
        return Kept.NEW if known is None else Kept.ASIDE

    def _keep_object(self, studies: Studies, files: FilmFiles, arrival: ReceivedInstance, address: str) -> Kept:
        if not studies.limits.keeps_objects:
            return Kept.OBJECT_LEFT
        if studies.objects.is_here(self._node, arrival.film):
            return Kept.KNOWN
        key = new_key()
        files.put(key, [arrival.film])
        with self._database.writing() as session:
            lay = self._studies_over(session, address)
            lay.objects.record(self._node, key, arrival.film, arrival.sender)
        files.committed = key
        return Kept.OBJECT
