"""Films kept aside, since a film of their SOP Instance UID is known with other content, until somebody settles it."""

from __future__ import annotations

import logging

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound
from lungwise.films.dicom.digest import digest_of
from lungwise.metrics import HELD
from lungwise.receiving.duplicates import Difference
from lungwise.receiving.uploads import Upload
from lungwise.store import Clock, FilmStore, after_commit
from lungwise.studies.film_data import fetched
from lungwise.studies.models import FilmRecord, HeldFilm

_log = logging.getLogger("lungwise.studies")
_LISTED = 200


class HeldFilms:
    """The films that a clinic keeps aside."""

    def __init__(self, session: Session, clock: Clock, store: FilmStore, audit: AuditTrail) -> None:
        self._session = session
        self._clock = clock
        self._store = store
        self._audit = audit

    def count(self, person: Person) -> int:
        """Count the films that wait for an administrator."""
        query = select(func.count()).select_from(HeldFilm).where(HeldFilm.clinic_id == person.clinic_id)
        return self._session.scalar(query) or 0

    def waiting(self, person: Person) -> list[HeldFilm]:
        """List the films kept aside, the oldest first."""
        person.need(Right.ADMINISTER)
        query = select(HeldFilm).where(HeldFilm.clinic_id == person.clinic_id).order_by(HeldFilm.id).limit(_LISTED)
        return list(self._session.scalars(query.options(selectinload(HeldFilm.film).selectinload(FilmRecord.study))))

    def get(self, person: Person, key: str) -> HeldFilm:
        """Find a film kept aside."""
        person.need(Right.ADMINISTER)
        query = select(HeldFilm).where(HeldFilm.key == key, HeldFilm.clinic_id == person.clinic_id)
        found = self._session.scalar(query)
        if found is None:
            raise NotFound
        return found

    def data(self, held: HeldFilm) -> bytes:
        """Give a film's bytes.

        Raises
        ------
        Unavailable
            If the store does not give them.
        """
        return fetched(self._store, held.key, held.sha256)

    def is_held(self, person: Person, upload: Upload) -> bool:
        """Say whether a film is kept aside already."""
        query = select(HeldFilm.id).where(
            HeldFilm.clinic_id == person.clinic_id,
            HeldFilm.instance_uid == (upload.uids.instance or ""),
            HeldFilm.digest == digest_of(upload.data),
        )
        return self._session.scalar(query) is not None

    def hold(
        self, person: Person, key: str, upload: Upload, known: FilmRecord, difference: Difference, sender: str
    ) -> None:
        """Record a film that lies in the store in the folder of this key.

        Raises
        ------
        IntegrityError
            If the same is being recorded at this moment.
        """
        person.need(Right.UPLOAD)
        held = HeldFilm(
            key=key,
            clinic_id=person.clinic_id,
            study_uid=upload.uids.study or "",
            series_uid=upload.uids.series or "",
            instance_uid=upload.uids.instance or "",
            sha256=self._store.name_of(upload.data),
            digest=digest_of(upload.data),
            size=len(upload.data),
            sender=sender[:16],
            created_at=self._clock(),
            film_id=known.id,
            cause=difference.value,
        )
        self._session.add(held)
        self._session.flush()
        self._audit.record(person, Action.KEPT_ASIDE, Subject.FILM, key)
        HELD.inc()
        _log.warning(
            "A film is kept aside: SOP Instance UID %s is known with %s.",
            held.instance_uid,
            "other pixels" if difference is Difference.PIXELS else "another patient",
        )

    def discard(self, person: Person, key: str) -> None:
        """Delete a film kept aside."""
        held = self.get(person, key)
        self._session.delete(held)
        self._session.flush()
        self._audit.record(person, Action.DISCARDED, Subject.FILM, key)
        after_commit(self._session, lambda: self._store.delete(key))
