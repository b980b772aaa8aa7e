"""The rules of patients: an identifier within its issuer is one patient, as long as nothing contradicts."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import delete
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound, Rejected
from lungwise.films.dicom.header import is_possible_birth
from lungwise.films.refusals import N_
from lungwise.inputs import refuse_overwriting
from lungwise.patients.decisions import IdentityDecisions
from lungwise.patients.history import PatientHistory
from lungwise.patients.identity import Identity, IdentityRules, PatientFacts, contradictions
from lungwise.patients.matching import PatientMatcher
from lungwise.patients.models import Patient, PatientChange
from lungwise.patients.name_index import index_of
from lungwise.patients.records import PatientRecords
from lungwise.patients.search import PatientSearch
from lungwise.store import Clock, CollisionError, new_key
from lungwise.time_zones import ZoneOf, day_in, in_utc

__all__ = ["Identity", "IdentityRules", "Patient", "PatientChange", "PatientFacts", "PatientMatch", "Patients"]

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_ONE_PATIENT = N_("Another patient has this identifier. If they are the same person, merge the two.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientMatch:
    """Whose a film is. `merged_from_id` is the record that the film named, where it was merged into this patient's."""

    patient: Patient
    merged_from_id: int | None = None


class Patients:
    """The patients of every clinic, each person seeing their own clinic's.

    Parameters
    ----------
    corrected
        Told the id of a patient whom somebody has corrected, or of whom a film states more, in the same transaction.
    removing
        Told the ids of a patient's records before they are deleted, in the same transaction.
    zone_of
        Gives a clinic's time zone, in which a birth date lies in the future or does not.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        audit: AuditTrail,
        rules: IdentityRules | None = None,
        corrected: Callable[[int], None] = lambda _patient: None,
        zone_of: ZoneOf = in_utc,
        removing: Callable[[Sequence[int]], None] = lambda _records: None,
        renumbered: Callable[[int], None] = lambda _record: None,
    ) -> None:
        self.rules = rules or IdentityRules()
        self._corrected = corrected
        self._removing = removing
        self._renumbered = renumbered
        self._session = session
        self._clock = clock
        self._zone_of = zone_of
        self._audit = audit
        self._history = PatientHistory(session, clock)
        self.records = PatientRecords(session, self.rules)
        self.search = PatientSearch(session, self.records)
        self.decisions = IdentityDecisions(session, audit, self.records, self._history)
        self._matcher = PatientMatcher(self.records, self._history, self.rules)

    def get(self, person: Person, key: str) -> Patient:
        """Find a patient of the person's clinic."""
        found = self.records.get(person, key)
        if found.identity == Identity.MERGED:
            raise NotFound
        return found

    def by_ids(self, person: Person, ids: Iterable[int]) -> dict[int, Patient]:
        """Return the patients with these ids that are of the person's clinic."""
        return self.records.by_ids(person, ids)

    def by_id(self, person: Person, number: int) -> Patient | None:
        """Return the patient with an id, if it is of the person's clinic; none that the session has is asked for."""
        return self.records.by_id(person, number)

    def having(self, person: Person, identifier: str) -> list[Patient]:
        """List the patients of the person's clinic who have an identifier, the oldest first."""
        person.need(Right.SEE_ALL)
        return [patient for patient in self.records.having(person, identifier) if patient.identity != Identity.MERGED]

    def ids_having(self, person: Person, identifier: str) -> list[int]:
        """Return the ids of those who have an identifier, also by a record that was merged into theirs."""
        person.need(Right.SEE_ALL)
        return [self.records.root(record).id for record in self.records.having(person, identifier)]

    def known_by(self, person: Person, identifier: str) -> list[Patient]:
        """List the patients who have an identifier, also by a record that was merged into theirs."""
        return list(self.by_ids(person, self.ids_having(person, identifier)).values())

    def rivals(self, person: Person, patient: Patient) -> list[Patient]:
        """List the other patients who have this patient's identifier."""
        return [other for other in self.having(person, patient.identifier) if other.id != patient.id]

    def match_or_add(self, person: Person, facts: PatientFacts) -> PatientMatch:
        """Find whom facts mean and fill in what was not known of them, or add a patient.

        Where the facts contradict what is known of those who have this identifier, nothing is merged: a patient of
        its own is added whose identity is unclear, the same for all films of the same facts.

        Raises
        ------
        Rejected
            If the birth date cannot be right.
        IntegrityError
            If the same patient is being added at this moment.
        """
        person.need(Right.UPLOAD)
        facts = self._checked(person, facts)
        known = self.records.having(person, facts.identifier) if facts.identifier else []
        record = self._matcher.match(known, facts)
        if record is None:
            return PatientMatch(patient=self._add(person, facts, known))
        match = self._match_of(record)
        if match.merged_from_id is None:
            self._fill_in(person, record, known, facts)
        return match

    def match(self, person: Person, facts: PatientFacts) -> PatientMatch | None:
        """Find whom facts mean, without adding anybody; None where that is not sure."""
        person.need(Right.SEE)
        known = self.records.having(person, facts.identifier) if facts.identifier else []
        record = self._matcher.match(known, facts)
        return self._match_of(record) if record else None

    def fill_in(self, person: Person, patient: Patient, facts: PatientFacts) -> None:
        """Fill in what was not known of a patient to whose study a film is added.

        Raises
        ------
        CollisionError
            If somebody else changes the patient at this moment.
        """
        person.need(Right.UPLOAD)
        facts = facts if facts.identifier else replace(facts, issuer="")
        self._fill_in(person, patient, self.records.having(person, patient.identifier), facts)

    def change(self, person: Person, key: str, facts: PatientFacts, known: PatientFacts | None = None) -> Patient:
        """Correct a patient; what was known before is kept, and films that state it still find them.

        Parameters
        ----------
        known
            What the person was shown as known, where that is known.

        Raises
        ------
        Rejected
            If the identifier is empty or another patient's, or the birth date cannot be right.
        Conflict
            If somebody else has changed what was known.
        """
        person.need(Right.KEEP_PATIENTS)
        self.records.lock(person, key)
        patient = self.get(person, key)
        facts = self._checked(person, facts)
        if not facts.identifier:
            raise Rejected("A patient needs an identifier.")
        before = patient.facts
        refuse_overwriting(known, before, facts)
        same_number = facts.identifier == before.identifier
        is_renumbered = not same_number or facts.issuer != before.issuer
        holders: list[Patient] = []
        if is_renumbered:
            holders = [other for other in self.records.having(person, facts.identifier) if other.id != patient.id]
            if self._matcher.rivals(holders, facts):
                raise Rejected(_ONE_PATIENT)
            self._clear(patient)  # the number was wrong: this one is nobody else's
        self._history.record(person, patient)
        patient.facts = facts
        self.records.index(patient, first=None if same_number else not holders)
        if not same_number:
            self._renumbered(patient.id)
        if is_renumbered:
            self._clear_others(person, before)
        self._corrected(patient.id)
        self._audit.record(person, Action.CHANGED, Subject.PATIENT, patient.key)
        return patient

    def history(self, person: Person, patient: Patient) -> list[PatientChange]:
        """List what was known of a patient before each change, the newest first."""
        person.need(Right.SEE_ALL)
        return self._history.of(patient)

    def remove(self, person: Person, patient: Patient) -> None:
        """Delete a patient who has no studies left, and every record that was merged into them."""
        records = (*reversed(self.records.merged_into(patient)), patient)
        self._removing([record.id for record in records])
        for record in records:
            self._session.execute(delete(PatientChange).where(PatientChange.patient_id == record.id))
            self._session.delete(record)
            self._session.flush()
        index_of(self._session).forget(patient.clinic_id, [patient.id])
        self._audit.record(person, Action.DELETED, Subject.PATIENT, patient.key)

    def _clear_others(self, person: Person, former: PatientFacts) -> None:
        """Leave no doubt about those whose number was another patient's until that one's was corrected."""
        holders = self._matcher.rivals(self.records.having(person, former.identifier), former)
        for holder in holders:
            others = [other for other in holders if other is not holder]
            if not self._matcher.rivals(others, holder.facts) and self._clear(holder):
                self._corrected(holder.id)
                self._audit.record(person, Action.SETTLED, Subject.PATIENT, holder.key)

    def _clear(self, patient: Patient) -> bool:
        """Make a patient clear about whom there was a doubt, and return whether there was one."""
        is_doubted = patient.identity in (Identity.UNCLEAR, Identity.SEPARATE)
        if is_doubted:
            patient.identity, patient.identity_before = Identity.CLEAR, None
        return is_doubted

    def _match_of(self, record: Patient) -> PatientMatch:
        patient = self.records.root(record)
        return PatientMatch(patient=patient, merged_from_id=None if patient.id == record.id else record.id)

    def _fill_in(self, person: Person, patient: Patient, known: Sequence[Patient], facts: PatientFacts) -> None:
        before = patient.facts
        filled = _filled(before, facts, is_shared=len(known) > 1)
        if filled == before:
            return
        self.records.lock(person, patient.key)
        if patient.facts != before:
            raise CollisionError(f"Patient {patient.key} is being changed.")
        patient.facts = filled
        self.records.index(patient)
        self._corrected(patient.id)

    def _add(self, person: Person, facts: PatientFacts, known: Sequence[Patient]) -> Patient:
        patient = Patient(key=new_key(), clinic_id=person.clinic_id, created_at=self._clock())
        patient.identity = Identity.UNCLEAR if self._matcher.rivals(known, facts) else Identity.CLEAR
        patient.facts = replace(facts, identifier=facts.identifier or _new_identifier())
        self.records.index(patient, first=not known)
        self._audit.record(person, Action.ADDED, Subject.PATIENT, patient.key)
        return patient

    def _checked(self, person: Person, facts: PatientFacts) -> PatientFacts:
        """Take the spaces off, and refuse a birth date that cannot be right."""
        today = day_in(self._zone_of(person.clinic_id), self._clock())
        if facts.birth_date and not is_possible_birth(facts.birth_date, today):
            raise Rejected("This birth date cannot be right: it is in the future or more than 120 years ago.")
        return replace(facts, identifier=facts.identifier.strip(), name=facts.name.strip(), issuer=facts.issuer.strip())


def _filled(known: PatientFacts, facts: PatientFacts, *, is_shared: bool) -> PatientFacts:
    """Fill in what was not known: no issuer where others share the identifier, and no name that contradicts."""
    if is_shared:
        facts = replace(facts, issuer="")
    if known.names and facts.names and contradictions(known, facts):
        facts = replace(facts, name="", ideographic="", phonetic="")
    return known.filled(facts)


def _new_identifier() -> str:
    return "LW-" + "".join(secrets.choice(_LETTERS) for _ in range(8))
