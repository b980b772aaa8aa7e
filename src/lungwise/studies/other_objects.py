"""Objects of a study that are no films: reports, documents, key object selections and presentation states."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.service import AuditTrail
from lungwise.receiving.duplicates import digest_of
from lungwise.receiving.film_files import fetched
from lungwise.receiving.uploads import Upload
from lungwise.store import Clock, FilmStore
from lungwise.studies.models import OtherObject


class OtherObjects:
    """The objects that a clinic keeps beside its films, byte for byte."""

    def __init__(self, session: Session, clock: Clock, store: FilmStore, audit: AuditTrail) -> None:
        self._session = session
        self._clock = clock
        self._store = store
        self._audit = audit

    def is_here(self, person: Person, upload: Upload) -> bool:
        """Say whether an object is kept already."""
        query = select(OtherObject.id).where(
            OtherObject.clinic_id == person.clinic_id,
            OtherObject.instance_uid == (upload.uids.instance or ""),
            OtherObject.digest == digest_of(upload.data),
        )
        return self._session.scalar(query) is not None

    def record(self, person: Person, key: str, upload: Upload, sender: str) -> None:
        """Record an object that lies in the store in the folder of this key.

        Raises
        ------
        IntegrityError
            If the same is being recorded at this moment.
        """
        person.need(Right.UPLOAD)
        uids, header = upload.uids, upload.header
        self._session.add(
            OtherObject(
                key=key,
                clinic_id=person.clinic_id,
                study_uid=uids.study or "",
                series_uid=uids.series or "",
                instance_uid=uids.instance or "",
                sop_class=header.sop_class if header else "",
                sha256=self._store.name_of(upload.data),
                digest=digest_of(upload.data),
                size=len(upload.data),
                sender=sender[:16],
                created_at=self._clock(),
            )
        )
        self._session.flush()
        self._audit.record(person, "received", "object", key)

    def having(self, person: Person, study_uids: Iterable[str]) -> list[OtherObject]:
        """List the clinic's objects of DICOM studies, the newest first, whoever's they are."""
        person.need(Right.SEE)
        query = select(OtherObject).where(
            OtherObject.clinic_id == person.clinic_id, OtherObject.study_uid.in_(set(study_uids))
        )
        return list(self._session.scalars(query.order_by(OtherObject.id.desc())))

    def data(self, item: OtherObject) -> bytes:
        """Give an object's bytes.

        Raises
        ------
        Unavailable
            If the store does not give them.
        """
        return fetched(self._store, item.key, item.sha256)

    def loader(self, item: OtherObject) -> Callable[[], bytes]:
        """Give what reads an object's bytes, also when the session is gone."""
        return partial(self._store.get, item.key, item.sha256)

    def delete(self, items: Iterable[OtherObject]) -> Callable[[], None]:
        """Delete objects; gives what deletes their files, once the transaction is committed."""
        keys = []
        for item in items:
            keys.append(item.key)
            self._session.delete(item)
        self._session.flush()

        def delete_files() -> None:
            for key in keys:
                self._store.delete(key)

        return delete_files
