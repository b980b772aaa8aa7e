"""Patients' earlier films, which were fetched from an archive to compare with."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.errors import NotFound
from lungwise.films import Film, open_film
from lungwise.patients.records import PatientRecords
from lungwise.patients.service import Patient
from lungwise.store import FilmStore, after_commit
from lungwise.studies.film_data import fetched
from lungwise.studies.models import Study
from lungwise.studies.prior_models import PriorFilm
from lungwise.studies.stated_patients import states_more_than_a_number
from lungwise.studies.visibility import visible_to


class Priors:
    """The earlier films of a clinic's patients. Who sees a study of a patient sees the patient's earlier films."""

    def __init__(self, session: Session, store: FilmStore, records: PatientRecords) -> None:
        self._session = session
        self._store = store
        self._records = records

    def of_patient(self, person: Person, patient: Patient) -> list[PriorFilm]:
        """List a patient's earlier films, the newest first, those too that came under a merged record."""
        person.need(Right.SEE)
        if not person.may(Right.SEE_ALL) and not self._studies(person, patient):
            return []
        ids = [patient.id, *(record.id for record in self._records.merged_into(patient))]
        mine = (PriorFilm.clinic_id == person.clinic_id, PriorFilm.patient_id.in_(ids))
        query = select(PriorFilm).where(*mine).order_by(PriorFilm.taken_on.desc(), PriorFilm.id)
        return list(self._session.scalars(query))

    def get(self, person: Person, key: str) -> PriorFilm:
        """Find an earlier film of a patient of whom the person sees a study."""
        person.need(Right.SEE)
        mine = (PriorFilm.key == key, PriorFilm.clinic_id == person.clinic_id)
        found = self._session.scalar(select(PriorFilm).where(*mine))
        if found is None or not self.shown_with(person, found):
            raise NotFound
        return found

    def shown_with(self, person: Person, prior: PriorFilm) -> list[str]:
        """List the keys of the studies with which a person sees an earlier film."""
        record = self._records.by_id(person, prior.patient_id)
        return [study.key for study in self._studies(person, self._records.root(record))] if record else []

    def _studies(self, person: Person, patient: Patient) -> list[Study]:
        """List the studies of a patient that a person sees, and with them earlier films.

        Who sees only their own uploads sees earlier films of nobody whom they looked up by a number alone.
        """
        found = self._session.scalars(select(Study).where(Study.patient_id == patient.id, visible_to(person)))
        return [study for study in found if person.may(Right.SEE_ALL) or states_more_than_a_number(study)]

    def data(self, prior: PriorFilm) -> bytes:
        """Return a film's bytes.

        Raises
        ------
        Unavailable
            If the store does not give them.
        """
        return fetched(self._store, prior.key, prior.sha256)

    def opened(self, prior: PriorFilm) -> Film:
        """Decode a film.

        Raises
        ------
        Refusal
            If it cannot be decoded.
        """
        return open_film(self.data(prior))

    def delete_of(self, records: Collection[int], before: datetime | None = None) -> None:
        """Delete the earlier films of patients' records: all, or those that were fetched before a moment."""
        query = select(PriorFilm).where(PriorFilm.patient_id.in_(records))
        if before is not None:
            query = query.where(PriorFilm.created_at < before)
        for prior in self._session.scalars(query).all():
            self._session.delete(prior)
            after_commit(self._session, partial(self._store.delete, prior.key))
        self._session.flush()
