"""What held films, earlier films and objects beside films have in common: a row for the bytes that one sender sent."""

from __future__ import annotations

from typing import Generic, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.films.dicom.digest import digest_of
from lungwise.receiving.uploads import Upload
from lungwise.store import Clock, CollisionError, FilmStore
from lungwise.studies.film_data import not_fetched
from lungwise.studies.object_models import HeldFilm, OtherObject
from lungwise.studies.prior_models import PriorFilm

K = TypeVar("K", HeldFilm, OtherObject, PriorFilm)


class KeptObjects(Generic[K]):
    """Rows of one table, each for an object that lies in the store in a folder of its own."""

    table: type[K]

    def __init__(self, session: Session, clock: Clock, store: FilmStore, audit: AuditTrail) -> None:
        self._session = session
        self._clock = clock
        self._store = store
        self._audit = audit

    def has(self, person: Person, upload: Upload) -> bool:
        """Return whether an object is kept already, its file too.

        Raises
        ------
        Unavailable
            If the store does not say.
        """
        known = self.find(person, upload)
        return known is not None and self.is_stored(known)

    def find(self, person: Person, upload: Upload) -> K | None:
        """Return the row of an object that is kept already, whatever its sender wrote before its content."""
        query = select(self.table).where(
            self.table.clinic_id == person.clinic_id,
            self.table.instance_uid == (upload.uids.instance or ""),
            self.table.digest == digest_of(upload.data),
        )
        return self._session.scalar(query)

    def is_stored(self, known: K) -> bool:
        """Return whether the store has the file of a row, as it was stored.

        Raises
        ------
        Unavailable
            If the store does not say.
        """
        try:
            return not self._store.is_lost(known.key, known.sha256)
        except OSError as error:
            raise not_fetched() from error

    def put_back(self, person: Person, key: str, upload: Upload) -> None:
        """Note that an object whose file was missing lies in the folder of its key again, as its sender writes it now.

        Raises
        ------
        CollisionError
            If it was deleted meanwhile.
        """
        known = self._session.scalar(select(self.table).where(self.table.key == key).with_for_update())
        if known is None:
            raise CollisionError(f"What was kept under {key} is deleted.")
        known.sha256, known.size = upload.sha256, len(upload.data)
        self._audit.record(person, Action.RECEIVED, Subject.OBJECT, key)

    def _add(self, person: Person, key: str, upload: Upload, sender: str, **columns: object) -> K:
        """Record an object that lies in the store in the folder of this key."""
        person.need(Right.UPLOAD)
        row = self.table(
            key=key,
            clinic_id=person.clinic_id,
            study_uid=upload.uids.study or "",
            series_uid=upload.uids.series or "",
            instance_uid=upload.uids.instance or "",
            sha256=upload.sha256,
            digest=digest_of(upload.data),
            size=len(upload.data),
            sender=sender[:16],
            created_at=self._clock(),
            **columns,
        )
        self._session.add(row)
        self._session.flush()
        return row
