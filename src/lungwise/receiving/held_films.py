"""Held films: a film of their SOP Instance UID is known with other content, and an administrator decides."""

from __future__ import annotations

import logging
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.errors import NotFound
from lungwise.metrics import HELD
from lungwise.receiving.duplicates import Difference
from lungwise.receiving.kept_objects import KeptObjects
from lungwise.receiving.uploads import Upload
from lungwise.store import after_commit
from lungwise.studies.film_data import fetched
from lungwise.studies.models import FilmRecord
from lungwise.studies.object_models import HeldFilm

_log = logging.getLogger("lungwise.studies")
_MAX_LISTED = 200


class HeldFilms(KeptObjects[HeldFilm]):
    """The films that a clinic holds."""

    table = HeldFilm

    def count(self, person: Person) -> int:
        """Count the films that wait for an administrator."""
        query = select(func.count()).select_from(HeldFilm).where(HeldFilm.clinic_id == person.clinic_id)
        return self._session.scalar(query) or 0

    def waiting(self, person: Person) -> list[HeldFilm]:
        """List the held films, the oldest first."""
        person.need(Right.ADMINISTER)
        query = select(HeldFilm).where(HeldFilm.clinic_id == person.clinic_id).order_by(HeldFilm.id).limit(_MAX_LISTED)
        return list(self._session.scalars(query.options(selectinload(HeldFilm.film).selectinload(FilmRecord.study))))

    def get(self, person: Person, key: str) -> HeldFilm:
        """Find a held film."""
        person.need(Right.ADMINISTER)
        query = select(HeldFilm).where(HeldFilm.key == key, HeldFilm.clinic_id == person.clinic_id)
        found = self._session.scalar(query)
        if found is None:
            raise NotFound
        return found

    def data(self, held: HeldFilm) -> bytes:
        """Return a film's bytes.

        Raises
        ------
        Unavailable
            If the store does not give them.
        """
        return fetched(self._store, held.key, held.sha256)

    def hold(
        self, person: Person, key: str, upload: Upload, known: FilmRecord, difference: Difference, sender: str
    ) -> None:
        """Hold a film that lies in the store in the folder of this key.

        Raises
        ------
        IntegrityError
            If the same is being recorded at this moment.
        """
        held = self._add(person, key, upload, sender, film_id=known.id, cause=difference.value)
        self._audit.record(person, Action.KEPT_ASIDE, Subject.FILM, key)
        HELD.inc()
        _log.warning(
            "A film is kept aside: SOP Instance UID %s is known with %s.",
            held.instance_uid,
            "other pixels" if difference is Difference.PIXELS else "another patient",
        )

    def discard(self, person: Person, key: str) -> None:
        """Delete a held film."""
        held = self.get(person, key)
        self._session.delete(held)
        self._session.flush()
        self._audit.record(person, Action.DISCARDED, Subject.FILM, key)
        after_commit(self._session, partial(self._store.delete, key))
