"""What was known of a patient before each change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.patients.identity import PatientFacts, contradictions
from lungwise.patients.models import Patient, PatientChange
from lungwise.store import Clock, new_key


class PatientHistory:
    """The changes of patients' facts."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def of(self, patient: Patient) -> list[PatientChange]:
        """List what was known of a patient before each change, the newest first."""
        query = select(PatientChange).where(PatientChange.patient_id == patient.id).order_by(PatientChange.id.desc())
        return list(self._session.scalars(query))

    def record(self, person: Person, patient: Patient, merged: Patient | None = None) -> None:
        """Keep what is known of a patient now, before a person changes it or merges another record into it."""
        change = PatientChange(
            key=new_key(),
            patient_id=patient.id,
            cause_id=merged.id if merged else None,
            person_name=person.name,
            at=self._clock(),
        )
        change.facts = patient.facts
        self._session.add(change)

    def former_facts(self, patient: Patient) -> Iterator[PatientFacts]:
        """Walk back over what was known of a patient, as long as it can be the same person's.

        Who marries has a new name and the old birth date; where both changed at once, it was another person's record.
        """
        later = patient.facts
        for change in self.of(patient):
            if change.cause_id is not None:
                continue
            if len(contradictions(later, change.facts)) > 1:
                return
            later = change.facts
            yield later

    def undo_merge(self, kept: Patient, merged: Patient) -> None:
        """Take from a patient the facts that a merged record added, unless they were changed since."""
        change = next((change for change in self.of(kept) if change.cause_id == merged.id), None)
        if change is None:
            return
        before, after = change.facts, merged_facts(change.facts, merged.facts)
        added = [field.name for field in fields(before) if getattr(before, field.name) != getattr(after, field.name)]
        unchanged = [name for name in added if getattr(kept.facts, name) == getattr(after, name)]
        kept.facts = replace(kept.facts, **{name: getattr(before, name) for name in unchanged})
        self._session.delete(change)


def merged_facts(kept: PatientFacts, merged: PatientFacts) -> PatientFacts:
    """Fill in what a merged record adds to what is known of a patient."""
    return kept.filled(replace(merged, identifier="", issuer=""))
