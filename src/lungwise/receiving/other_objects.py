"""Objects that come beside films, reports and the like: kept byte for byte."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.films.dicom.digest import digest_of
from lungwise.receiving.uploads import Upload
from lungwise.store import Clock, FilmStore
from lungwise.studies.models import OtherObject


class ReceivedObjects:
    """Records the objects that a clinic receives beside its films."""

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
        self._audit.record(person, Action.RECEIVED, Subject.OBJECT, key)
