"""What persons decide about who a patient is: two records are one person's, or two persons'. Both can be undone."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import Rejected
from lungwise.patients.history import PatientHistory, merged_facts
from lungwise.patients.identity import Identity
from lungwise.patients.models import Patient
from lungwise.patients.records import PatientRecords

_MAX_LISTED = 200


class IdentityDecisions:
    """Lists whose identity is unclear, and keeps what persons decide."""

    def __init__(self, session: Session, audit: AuditTrail, records: PatientRecords, history: PatientHistory) -> None:
        self._session = session
        self._audit = audit
        self._records = records
        self._history = history

    def count_unclear(self, person: Person) -> int:
        """Count the clinic's patients whose identity is unclear."""
        query = select(func.count()).select_from(Patient).where(*_are(person, Identity.UNCLEAR))
        return self._session.scalar(query) or 0

    def unclear(self, person: Person) -> list[Patient]:
        """List the clinic's patients whose identity is unclear, the oldest first."""
        person.need(Right.KEEP_PATIENTS)
        query = select(Patient).where(*_are(person, Identity.UNCLEAR)).order_by(Patient.id).limit(_MAX_LISTED)
        return list(self._session.scalars(query))

    def decided(self, person: Person) -> list[Patient]:
        """List the records that somebody has decided about, the last first."""
        person.need(Right.KEEP_PATIENTS)
        query = select(Patient).where(*_are(person, Identity.MERGED, Identity.SEPARATE))
        newest = query.order_by(Patient.changed_at.desc(), Patient.id.desc())
        return list(self._session.scalars(newest.limit(_MAX_LISTED)))

    def need_unclear(self, patient: Patient) -> None:
        """Require that a patient's identity is unclear.

        Raises
        ------
        Rejected
            If somebody has said who it is, or it never was.
        """
        if not patient.is_unclear:
            raise Rejected("Someone has already said who this patient is.")

    def separate(self, person: Person, patient: Patient) -> None:
        """Make a patient whose identity is unclear a person of their own, with the same identifier.

        Raises
        ------
        Rejected
            If that was decided already.
        """
        self.need_unclear(patient)
        patient.identity, patient.identity_before = Identity.SEPARATE, patient.identity
        self._audit.record(person, Action.SETTLED, Subject.PATIENT, patient.key)

    def merge(self, person: Person, kept: Patient, merged: Patient) -> None:
        """Make a record part of another, which takes over what it lacked. Both stay, so this can be undone."""
        filled = merged_facts(kept.facts, merged.facts)
        if filled != kept.facts:
            self._history.record(person, kept, merged)
            kept.facts = filled
        merged.identity, merged.identity_before, merged.same_as_id = Identity.MERGED, merged.identity, kept.id
        self._records.index(kept)
        self._audit.record(person, Action.MERGED, Subject.PATIENT, merged.key)

    def undo(self, person: Person, patient: Patient) -> None:
        """Undo what a person decided about a record.

        Raises
        ------
        Rejected
            If nobody has decided anything.
        """
        if patient.identity not in (Identity.MERGED, Identity.SEPARATE):
            raise Rejected("Nobody has said yet who this patient is.")
        kept = self._session.get(Patient, patient.same_as_id) if patient.same_as_id else None
        if kept is not None:
            self._history.undo_merge(kept, patient)
        patient.identity, patient.identity_before = patient.identity_before or Identity.CLEAR, None
        patient.same_as_id = None
        self._session.flush()
        self._audit.record(person, Action.TOOK_BACK, Subject.PATIENT, patient.key)


def _are(person: Person, *identities: Identity) -> tuple[ColumnElement[bool], ...]:
    return Patient.clinic_id == person.clinic_id, Patient.identity.in_([one.value for one in identities])
