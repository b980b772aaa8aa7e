"""The reception: keeps a film that comes over the network, so that whoever sent it may forget it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from lungwise.accounts.person import Person
from lungwise.store import Database, FilmStore
from lungwise.studies.intake import Arrival
from lungwise.studies.service import Studies

_ATTEMPTS = 10
"""Times that a film tries again because others of its study or patient arrive at the same moment."""


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

    def accept(self, arrival: Arrival, address: str) -> bool:
        """Keep a film, its study and its job. When this returns, the film survives a power cut.

        Returns
        -------
        False where its SOP Instance UID was accepted before; it is not kept again.

        Raises
        ------
        Rejected
            If its study has its most films already.
        OSError, SQLAlchemyError
            If store or database cannot keep it now.
        """
        for _attempt in range(_ATTEMPTS):
            with self._database.reading() as session:
                key = self._studies_over(session, address).place(self._node, arrival)
            if key is None:
                return False
            name = self._store.put(key, arrival.film.data)  # before the transaction: nobody waits for this disk
            if self._record(key, name, arrival, address):
                self._ring()
                return True
            with self._database.reading() as session:
                self._studies_over(session, address).clear(key)
        raise TimeoutError("Too many films of one study or patient arrive at once.")

    def _record(self, key: str, name: str, arrival: Arrival, address: str) -> bool:
        try:
            with self._database.writing() as session:
                return self._studies_over(session, address).receive(self._node, key, name, arrival)
        except IntegrityError:  # another film of the study or patient, or this one itself, was quicker
            return False
        except OperationalError as error:
            if _is_deadlock(error):
                return False
            raise


def _is_deadlock(error: OperationalError) -> bool:
    """Tell MariaDB's word that of two transactions this one shall begin again."""
    return bool(error.orig and error.orig.args[:1] == (1213,))
