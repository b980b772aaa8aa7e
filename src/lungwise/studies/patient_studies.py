"""Who a patient is whose identity was not clear: a person says it, it holds for later films, and can be taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.errors import NotFound, Rejected
from lungwise.orders.progress import OrderProgress
from lungwise.patients.service import Patient, Patients
from lungwise.store import database_time
from lungwise.studies.answered_orders import AnsweredOrders
from lungwise.studies.models import FilmRecord, Job, JobState, Study
from lungwise.studies.order_changes import OrderChanges
from lungwise.studies.recipients import SentTo
from lungwise.studies.service import Studies


class PatientStudies:
    """The studies of a clinic's patients, which move along where somebody says who a patient is."""

    def __init__(self, session: Session, patients: Patients, studies: Studies) -> None:
        self._session = session
        self._patients = patients
        self._studies = studies
        self._orders = OrderProgress(session)
        self._answered = AnsweredOrders(session)

    def of_patient(self, person: Person, patient: Patient) -> list[Study]:
        """List a patient's studies with their films, the newest first."""
        return self._studies.of_patient(person, patient)

    def sent_to(self, person: Person, patient: Patient) -> SentTo:
        """Return who has what was sent of a patient's studies."""
        return self._studies.recipients.sent_to(self.of_patient(person, patient))

    def delete_patient(self, person: Person, key: str) -> int:
        """Delete a patient with all their studies and orders, and return how many studies these were.

        Their reports are withdrawn from the systems that have them.
        """
        person.need(Right.DELETE)
        patient = self._patients.get(person, key)
        studies = self.of_patient(person, patient)
        for study in studies:
            self._studies.recipients.withdraw(study)
            self._studies.remove(person, study.key)
        OrderChanges(self._session, self._studies.report_changes).delete_of(patient.id)
        self._patients.remove(person, patient)
        return len(studies)

    def may_settle(self, person: Person, patient: Patient) -> bool:
        """Return whether a person may decide who a patient is: one who keeps patients, or uploaded all the films."""
        if person.may(Right.KEEP_PATIENTS) or not person.may(Right.SEE_ALL):  # deciding shows other patients
            return person.may(Right.KEEP_PATIENTS)
        authors = set(self._session.scalars(select(Study.author_id).where(Study.patient_id == patient.id)))
        return person.may(Right.UPLOAD) and person.id is not None and authors == {person.id}

    def separate(self, person: Person, key: str) -> Patient:
        """Make a patient whose identity is unclear another person than those who have the same identifier.

        Raises
        ------
        Rejected
            If that was decided already.
        """
        self._patients.records.lock(person, key)
        patient = self._settled_by(person, key)
        self._patients.decisions.separate(person, patient)
        self._studies.report_changes.of_patient(patient.id)
        self._read_now([patient.id])
        return patient

    def same(self, person: Person, key: str, into: str) -> Patient:
        """Make a patient whose identity is unclear the same person as one who has the same identifier.

        Gives that one.

        Raises
        ------
        Rejected
            If that was decided already.
        NotFound
            If the other one does not have the identifier.
        """
        self._patients.records.lock(person, key, into)
        patient = self._settled_by(person, key)
        self._patients.decisions.need_unclear(patient)
        known = next((one for one in self._patients.rivals(person, patient) if one.key == into), None)
        if known is None:
            raise NotFound
        self._merge(person, known, patient)
        return known

    def merge(self, person: Person, keep: str, other: str) -> Patient:
        """Make two patients one: the studies of the other become the kept one's. Gives the kept one.

        Raises
        ------
        Rejected
            If the two are one already.
        """
        person.need(Right.KEEP_PATIENTS)
        self._patients.records.lock(person, keep, other)
        kept, gone = (self._patients.get(person, key) for key in (keep, other))
        if kept.id == gone.id:
            raise Rejected("Choose two different patients to merge.")
        self._merge(person, kept, gone)
        return kept

    def take_back(self, person: Person, key: str) -> Patient:
        """Undo what somebody decided about a patient: the studies that came under the record are its own again.

        Raises
        ------
        Rejected
            If nothing was decided.
        """
        person.need(Right.ADMINISTER)
        self._patients.records.lock(person, key)
        record = self._patients.records.get(person, key)
        root = self._patients.records.locked_root(person, record)
        parts = [record.id, *(part.id for part in self._patients.records.merged_into(record))]
        if root.id != record.id:
            its = update(Study).where(Study.patient_id == root.id, Study.merged_from_id.in_(parts))
            self._session.execute(its.values(patient_id=record.id))
            own = update(Study).where(Study.patient_id == record.id, Study.merged_from_id == record.id)
            self._session.execute(own.values(merged_from_id=None))
            self._orders.take_back(root.id, record.id, parts)
        self._patients.decisions.undo(person, record)
        self._settle_orders({root.id, record.id})
        for patient in {root.id, record.id}:
            self._studies.report_changes.of_patient(patient)
        return record

    def _settled_by(self, person: Person, key: str) -> Patient:
        patient = self._patients.get(person, key)
        if not self.may_settle(person, patient):
            raise NotFound
        return patient

    def _merge(self, person: Person, kept: Patient, gone: Patient) -> None:
        moved = update(Study).where(Study.patient_id == gone.id)
        self._session.execute(
            moved.values(patient_id=kept.id, merged_from_id=func.coalesce(Study.merged_from_id, gone.id))
        )
        self._orders.merge(kept.id, gone.id)
        self._patients.decisions.merge(person, kept, gone)
        self._settle_orders([kept.id])
        self._studies.report_changes.of_patient(kept.id)
        self._read_now([kept.id])

    def _settle_orders(self, patients: Collection[int]) -> None:
        """Let patients' films answer the open orders of the same patient that they name, and no order of others."""
        query = select(Study).where(Study.patient_id.in_(patients)).order_by(Study.id)
        studies = self._session.scalars(query).all()
        for study in studies:
            self._orders.leave_others(study.key, study.patient_id)
        for study in studies:
            for film in study.films:
                order = self._orders.asked_for(study.clinic_id, film.accession or "", film.study_uid or "")
                if order and order.patient_id == study.patient_id and order.is_open:
                    self._answered.settle(order, study)

    def _read_now(self, patients: Iterable[int]) -> None:
        """Read the films now whose reading waited for this decision."""
        films = select(FilmRecord.id).join(Study).where(Study.patient_id.in_(patients), ~FilmRecord.by_camera)
        waiting = update(Job).where(Job.film_id.in_(films), Job.state == JobState.QUEUED)
        self._session.execute(waiting.values(due_at=database_time(self._session)))
