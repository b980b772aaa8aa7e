"""Patients' records: found by id, key or identifier, and indexed by what identifies them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from lungwise.access import Person, Right
from lungwise.errors import NotFound
from lungwise.patients.identity import IdentityRules, PatientFacts, full_identity
from lungwise.patients.models import Patient
from lungwise.store import keys_of

REINDEXED_AT_ONCE = 200


class PatientRecords:
    """The records of patients, those too that were merged into others."""

    def __init__(self, session: Session, rules: IdentityRules) -> None:
        self._session = session
        self._rules = rules
        self._keys = keys_of(session)

    def get(self, person: Person, key: str) -> Patient:
        """Find a record of the person's clinic."""
        person.need(Right.SEE_ALL)
        found = self._session.scalar(select(Patient).where(Patient.key == key, Patient.clinic_id == person.clinic_id))
        if found is None:
            raise NotFound
        return found

    def by_ids(self, person: Person, ids: Iterable[int]) -> dict[int, Patient]:
        """Return the records with these ids that are of the person's clinic."""
        person.need(Right.SEE)
        patients = self._session.scalars(select(Patient).where(Patient.id.in_(set(ids))))
        return {patient.id: patient for patient in patients if patient.clinic_id == person.clinic_id}

    def by_id(self, person: Person, number: int) -> Patient | None:
        """Return the record with an id, if it is of the person's clinic; none that the session has is asked for."""
        person.need(Right.SEE)
        found = self._session.get(Patient, number)
        return found if found and found.clinic_id == person.clinic_id else None

    def having(self, person: Person, identifier: str) -> list[Patient]:
        """List the records of the person's clinic with an identifier, the oldest first."""
        indexes = self._keys.indexes(identifier_context(person.clinic_id), identifier.strip())
        query = select(Patient).where(Patient.clinic_id == person.clinic_id, Patient.identifier_index.in_(indexes))
        return list(self._session.scalars(query.order_by(Patient.id)))

    def identical(self, records: Sequence[Patient], facts: PatientFacts) -> Patient | None:
        """Return the record that was made of exactly these facts, whatever was changed since."""
        indexes = self._indexes(records, facts, self._rules.issuer(facts))
        found = next((record for record in records if record.identity_index in indexes), None)
        return found or self._formerly_identical(records, facts)

    def _formerly_identical(self, records: Sequence[Patient], facts: PatientFacts) -> Patient | None:
        """Return the record that a release made of these facts to which OIDs of the same digits were one issuer."""
        indexes = self._indexes(records, facts, self._rules.former_issuer(facts))
        of_issuer = (one for one in records if not self._rules.is_of_another_issuer(one.facts, facts))
        return next((record for record in of_issuer if record.identity_index in indexes), None)

    def _indexes(self, records: Sequence[Patient], facts: PatientFacts, issuer: str) -> list[str]:
        return self._keys.indexes(*_identity(facts, issuer, records[0].clinic_id)) if records else []

    def lock(self, person: Person, *keys: str) -> None:
        """Keep others from deciding who these are before this transaction ends."""
        query = select(Patient).where(Patient.key.in_(keys), Patient.clinic_id == person.clinic_id)
        locked = query.order_by(Patient.id).with_for_update().execution_options(populate_existing=True)
        self._session.scalars(locked).all()

    def locked_root(self, person: Person, record: Patient) -> Patient:
        """Return the root of a record that is locked, and lock it and what lies between as well."""
        while (kept := self._kept(record)) is not None:
            self.lock(person, kept.key)
            record = kept
        return record

    def root(self, record: Patient) -> Patient:
        """Return the patient whom a record was merged into in the end; the record itself where it was not."""
        while (kept := self._kept(record)) is not None:
            record = kept
        return record

    def merged_into(self, patient: Patient) -> list[Patient]:
        """List the records that were merged into a patient, also through others."""
        found: list[Patient] = []
        into = [patient.id]
        while into:
            more = self._session.scalars(select(Patient).where(Patient.same_as_id.in_(into))).all()
            found += more
            into = [record.id for record in more]
        return found

    def index(self, patient: Patient, *, first: bool | None = None) -> None:
        """Save and index a record; the first with an identifier is unique by it, others by their full identity.

        One with another identifier than before leaves the former one free for whose it is.
        """
        if first is None:
            first = patient.identity_index == patient.identifier_index
        former = patient.identifier_index
        patient.identifier_index = self._keys.index(identifier_context(patient.clinic_id), patient.identifier)
        if first:
            patient.identity_index = patient.identifier_index
        elif patient.identifier_index != former or not patient.identity_index.startswith(self._keys.names[0]):
            issuer = self._rules.issuer(patient.facts)
            patient.identity_index = self._keys.index(*_identity(patient.facts, issuer, patient.clinic_id))
        self._session.add(patient)
        self._session.flush()

    def count_stale(self) -> int:
        """Count the records of all clinics that are indexed under another key than the first."""
        return self._session.scalar(select(func.count()).select_from(Patient).where(self._is_stale())) or 0

    def reindex(self, after: int) -> tuple[int, int | None]:
        """Index some records of all clinics again under the first key; return how many, and after which to go on."""
        query = select(Patient).where(Patient.id > after, self._is_stale()).order_by(Patient.id)
        patients = self._session.scalars(query.limit(REINDEXED_AT_ONCE).with_for_update()).all()
        for patient in patients:
            self.index(patient)
        return len(patients), patients[-1].id if patients else None

    def reindex_clinic(self, clinic_id: int) -> None:
        """Index every record of a clinic that came from another installation, whatever its indexes say."""
        query = select(Patient).where(Patient.clinic_id == clinic_id).order_by(Patient.id)
        for patient in self._session.scalars(query.execution_options(yield_per=REINDEXED_AT_ONCE)):
            flag_modified(patient, "changed_at")  # nobody has changed it
            self.index(patient)

    def _kept(self, record: Patient) -> Patient | None:
        return None if record.same_as_id is None else self._session.get(Patient, record.same_as_id)

    def _is_stale(self) -> ColumnElement[bool]:
        return Patient.identifier_index.not_like(f"{self._keys.names[0]}%")


def _identity(facts: PatientFacts, issuer: str, clinic_id: int) -> tuple[str, str]:
    """Return the context and the text of the index by which all but the first of an identifier are unique."""
    return f"patients.identity {clinic_id}", full_identity(facts, issuer)


def identifier_context(clinic_id: int) -> str:
    """Return the context of identifiers' blind indexes: one for each clinic, so that clinics cannot be compared."""
    return f"patients.identifier {clinic_id}"
