"""Which of the known patients a film's or a person's statement means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lungwise.patients.history import PatientHistory
from lungwise.patients.identity import IdentityRules, PatientFacts, contradictions
from lungwise.patients.models import Patient
from lungwise.patients.records import PatientRecords


class PatientMatcher:
    """Chooses among the records with one identifier."""

    def __init__(self, records: PatientRecords, history: PatientHistory, rules: IdentityRules) -> None:
        self._records = records
        self._history = history
        self._rules = rules

    def match(self, known: Sequence[Patient], facts: PatientFacts) -> Patient | None:
        """Return the nearest record; None where two are equally near and not one person's."""
        if same := self._records.identical(known, facts):
            return same
        near = [(self._nearness(patient, facts), patient) for patient in known]
        best = max((nearness for nearness, _patient in near), default=0)
        if self._count_persons(self.rivals(known, facts)) > 1 and not self._rules.is_distinctive(best):
            return None
        nearest = [patient for nearness, patient in near if nearness == best > 0]
        return nearest[0] if self._count_persons(nearest) == 1 else None

    def rivals(self, known: Sequence[Patient], facts: PatientFacts) -> list[Patient]:
        """List the records whose identifier may be of the same issuer."""
        return [patient for patient in known if not self._rules.is_of_another_issuer(patient.facts, facts)]

    def _count_persons(self, records: Sequence[Patient]) -> int:
        return len({self._records.root(record).id for record in records})

    def _nearness(self, patient: Patient, facts: PatientFacts) -> int:
        """Compare with what is known of a patient, and where that contradicts, with what was known before."""
        nearness = self._rules.nearness(patient.facts, facts)
        if nearness or not contradictions(patient.facts, facts):
            return nearness
        former = (replace(before, issuer=patient.facts.issuer) for before in self._history.former_facts(patient))
        return max((self._rules.nearness(before, facts) for before in former), default=0)
