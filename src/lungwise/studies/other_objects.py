"""Objects of a study that are not films: reports, documents, selections, presentation states, segmentations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, aliased

from lungwise.access import Person, Right
from lungwise.store import FilmStore, after_commit
from lungwise.studies.film_data import fetched, not_fetched
from lungwise.studies.models import FilmRecord, Study
from lungwise.studies.object_models import OtherObject

OTHER_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.11.1": "Grayscale Softcopy Presentation State Storage",
    "1.2.840.10008.5.1.4.1.1.11.2": "Color Softcopy Presentation State Storage",
    "1.2.840.10008.5.1.4.1.1.11.3": "Pseudo-Color Softcopy Presentation State Storage",
    "1.2.840.10008.5.1.4.1.1.11.4": "Blending Softcopy Presentation State Storage",
    "1.2.840.10008.5.1.4.1.1.66.4": "Segmentation Storage",
    "1.2.840.10008.5.1.4.1.1.88.11": "Basic Text SR Storage",
    "1.2.840.10008.5.1.4.1.1.88.22": "Enhanced SR Storage",
    "1.2.840.10008.5.1.4.1.1.88.33": "Comprehensive SR Storage",
    "1.2.840.10008.5.1.4.1.1.88.34": "Comprehensive 3D SR Storage",
    "1.2.840.10008.5.1.4.1.1.88.35": "Extensible SR Storage",
    "1.2.840.10008.5.1.4.1.1.88.59": "Key Object Selection Document Storage",
    "1.2.840.10008.5.1.4.1.1.88.65": "Chest CAD SR Storage",
    "1.2.840.10008.5.1.4.1.1.88.67": "X-Ray Radiation Dose SR Storage",
    "1.2.840.10008.5.1.4.1.1.104.1": "Encapsulated PDF Storage",
    "1.2.840.10008.5.1.4.1.1.104.2": "Encapsulated CDA Storage",
}
"""The objects that are kept beside the films of a study, by SOP class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsOfStudy:
    """The objects beside a study's films.

    `unfetched` are those of its DICOM studies that the store does not give: they may be another patient's.
    """

    theirs: list[OtherObject]
    unfetched: list[OtherObject]

    @property
    def all(self) -> list[OtherObject]:
        """Those that are, or may be, beside the study's films."""
        return [*self.theirs, *self.unfetched]


class OtherObjects:
    """The objects that a clinic keeps beside its films, byte for byte."""

    def __init__(self, session: Session, store: FilmStore) -> None:
        self._session = session
        self._store = store

    def having(self, person: Person, study_uids: Iterable[str]) -> list[OtherObject]:
        """List the clinic's objects of DICOM studies, the newest first, whoever's they are."""
        person.need(Right.SEE)
        query = select(OtherObject).where(
            OtherObject.clinic_id == person.clinic_id, OtherObject.study_uid.in_(set(study_uids))
        )
        return list(self._session.scalars(query.order_by(OtherObject.id.desc())))

    def aside(self, clinic_id: int, uids: Iterable[str]) -> list[OtherObject]:
        """List the clinic's objects under these SOP Instance UIDs that another object had before, or that a film has.

        They are kept and not given back: under one UID there is one object.
        """
        older = aliased(OtherObject)
        its = (OtherObject.clinic_id == clinic_id, OtherObject.instance_uid.in_(set(uids) - {""}))
        has_older = exists().where(
            older.clinic_id == clinic_id, older.instance_uid == OtherObject.instance_uid, older.id < OtherObject.id
        )
        named = (FilmRecord.instance_uid == OtherObject.instance_uid, Study.clinic_id == clinic_id)
        is_film = exists().where(FilmRecord.study_id == Study.id, *named)
        query = select(OtherObject).where(*its, or_(has_older, is_film))
        return list(self._session.scalars(query.order_by(OtherObject.id)))

    def other_studies(self, study: Study) -> list[Study]:
        """Find the clinic's other studies with films of a study's DICOM studies.

        None of them is deleted before this transaction ends: of two, each would leave the objects to the other.
        """
        uids = {film.study_uid for film in study.films if film.study_uid}
        having = select(FilmRecord.study_id).where(FilmRecord.study_uid.in_(uids))
        query = select(Study).where(Study.clinic_id == study.clinic_id, Study.id.in_(having))
        return [one for one in self._session.scalars(query.order_by(Study.id).with_for_update()) if one is not study]

    def data(self, item: OtherObject) -> bytes:
        """Return an object's bytes.

        Raises
        ------
        Unavailable
            If the store does not give them.
        """
        return fetched(self._store, item.key, item.sha256)

    def loader(self, item: OtherObject) -> Callable[[], bytes]:
        """Return a function that reads an object's bytes, also after the session has ended."""
        return partial(self._store.get, item.key, item.sha256)

    def delete_unshared(self, objects: ObjectsOfStudy, of_others: Iterable[ObjectsOfStudy]) -> None:
        """Delete the objects beside a study's films, but none that is, or may be, beside those of another study.

        Those that the store does not give are deleted if it answers and has them no more, or not as they were stored.

        Raises
        ------
        Unavailable
            If it may give one of them later.
        """
        try:
            are_lost = all(self._store.is_lost(item.key, item.sha256) for item in objects.unfetched)
        except OSError as error:
            raise not_fetched() from error
        if not are_lost:
            raise not_fetched()
        shared = {item.id for other in of_others for item in other.all}
        self.delete(item for item in objects.all if item.id not in shared)

    def delete(self, items: Iterable[OtherObject]) -> None:
        """Delete objects."""
        for item in items:
            self._session.delete(item)
            after_commit(self._session, partial(self._store.delete, item.key))
        self._session.flush()
