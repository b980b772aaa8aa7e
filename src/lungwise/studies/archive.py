"""A clinic's films as DICOM knows them: by the UIDs of their studies."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, selectinload

from lungwise.access import Person, Right
from lungwise.patients.search import FEW
from lungwise.patients.service import Patients
from lungwise.studies.models import FilmRecord, Study

_AT_ONCE = 100


class Archive:
    """Finds films by the UIDs of their studies."""

    def __init__(self, session: Session, patients: Patients) -> None:
        self._session = session
        self._patients = patients

    def studies(
        self, person: Person, study: str = "", patient_id: str = "", name: str = ""
    ) -> Iterator[list[FilmRecord]]:
        """Walk over DICOM studies, the newest first: each as its films.

        Parameters
        ----------
        study, patient_id
            If not empty, only the study of this UID, or those of the patient with this identifier.
        name
            If not empty, only those of patients whose words begin as its words do.
        """
        person.need(Right.SEE_ALL)
        which = [Study.clinic_id == person.clinic_id, *self._patient(person, patient_id, name)]
        which += [FilmRecord.study_uid == study] if study else [FilmRecord.study_uid.is_not(None)]
        newest = func.max(FilmRecord.id)
        query = select(FilmRecord.study_uid).join(Study).where(*which).group_by(FilmRecord.study_uid)
        offset = 0
        while uids := list(self._session.scalars(query.order_by(newest.desc()).offset(offset).limit(_AT_ONCE))):
            for uid in uids:
                yield self._films(person, str(uid))
            offset += _AT_ONCE

    def _patient(self, person: Person, patient_id: str, name: str) -> list[ColumnElement[bool]]:
        which: list[ColumnElement[bool]] = []
        if patient_id:
            which.append(Study.patient_id.in_(self._patients.ids_having(person, patient_id)))
        found = self._patients.search.matching(person, name)
        if found is not None and len(found) <= FEW:  # of many, each film is looked at
            which.append(Study.patient_id.in_(found))
        return which

    def _films(self, person: Person, uid: str) -> list[FilmRecord]:
        query = (
            select(FilmRecord)
            .join(Study)
            .where(FilmRecord.study_uid == uid, Study.clinic_id == person.clinic_id)
            .options(selectinload(FilmRecord.readings), selectinload(FilmRecord.study))
            .order_by(FilmRecord.id)
        )
        return list(self._session.scalars(query))
