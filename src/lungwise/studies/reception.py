"""The reception: keeps a film that comes over the network, so that whoever sent it may forget it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from sqlalchemy.orm import Session

from lungwise.accounts.person import Person
from lungwise.store import Database, FilmStore, retried
from lungwise.studies.film_files import FilmFiles, film_files
from lungwise.studies.intake import Arrival
from lungwise.studies.service import Studies


class Kept(StrEnum):
    """What became of an object that came, in the words of the log. Whatever it is, its sender may forget it."""

    NEW = "accepted"
    KNOWN = "known already"
    OWN_RESULT = "Lungwise's own result, which is not kept"


class Reception:
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

    def accept(self, arrival: Arrival, address: str) -> Kept:
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

    def _attempt(self, files: FilmFiles, arrival: Arrival, address: str) -> Kept:
        with self._database.reading() as session:
            studies = self._studies_over(session, address)
            if studies.is_own_result(self._node, arrival.film):
                return Kept.OWN_RESULT
            key = studies.place(self._node, arrival)
        if key is None:
            return Kept.KNOWN
        name = next(iter(files.put(key, [arrival.film])))  # before the transaction: nobody waits for this disk
        with self._database.writing() as session:
            new = self._studies_over(session, address).receive(self._node, key, name, arrival)
        files.committed = key if new else None
        return Kept.NEW if new else Kept.KNOWN
