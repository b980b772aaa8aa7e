"""What a hospital says of its patients, by the rules of identity (docs/decisions/0014): what contradicts waits.

A hospital corrects or clears one of name, birth date and sex, where the number and a name or a birth date agree. Where
two of them change at once it is another person's record; where somebody here corrected the record, a person decides.
Patients of whom nothing is here are not added: a hospital's feed is of all its patients.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lungwise.access import Person
from lungwise.errors import Rejected
from lungwise.films.refusals import N_
from lungwise.hl7.stated_patient import StatedPatient
from lungwise.patients.identity import Identity, PatientFacts, contradictions
from lungwise.patients.service import Patient, Patients
from lungwise.studies.patient_studies import PatientStudies

_SEVERAL: Final = N_("Several patients here may have this number. Say who they are first.")
_ANOTHER: Final = N_(
    "The patient with this number has another name, birth date or sex here. Compare the two, and correct the record "
    "or merge it yourself."
)
_CORRECTED: Final = N_(
    "Someone here corrected this patient, and the message contradicts that. Compare the two, and correct the record "
    "yourself."
)
_MERGED: Final = N_("The record with this number was merged into another one here.")
_UNCLEAR: Final = N_("The identity of one of the two patients is unclear, or was settled here. Merge them yourself.")
_NOT_ONE: Final = N_("The two records contradict each other in name, birth date or sex. Merge them yourself.")
_SAME_NUMBER: Final = N_("The message merges a number with itself.")


class PatientUpdates:
    """Changes and merges patients as a hospital system says."""

    def __init__(self, patients: Patients, patient_studies: PatientStudies) -> None:
        self._patients = patients
        self._studies = patient_studies

    def update(self, person: Person, stated: StatedPatient) -> bool:
        """Correct a patient by what is said; return whether the patient is here.

        Raises
        ------
        Rejected
            If what is said contradicts what is known here, so that a person must decide.
        """
        record = self._known(person, stated.facts)
        if record is None:
            return False
        self._patients.records.lock(person, record.key)  # somebody may correct it at this moment
        if record.identity == Identity.MERGED:
            raise Rejected(_MERGED)
        corrected = self._corrected(person, record, stated)
        if corrected != record.facts:
            self._patients.change(person, record.key, corrected)
        return True

    def merge(self, person: Person, kept: StatedPatient, gone: StatedPatient) -> bool:
        """Merge one record into another; return whether either is here.

        Where only one is, the other is made: films that come under the given-up number are the kept patient's.

        Raises
        ------
        Rejected
            If the two contradict each other, or persons decided otherwise.
        """
        rules = self._patients.rules
        if (kept.facts.identifier, rules.issuer(kept.facts)) == (gone.facts.identifier, rules.issuer(gone.facts)):
            raise Rejected(_SAME_NUMBER)
        records = [self._sure(person, one.facts) for one in (kept, gone)]
        if not any(records):
            return False
        keep, merged = (
            record or self._patients.match_or_add(person, one.facts).patient
            for record, one in zip(records, (kept, gone), strict=True)
        )
        self._join(person, keep, merged)
        return True

    def _join(self, person: Person, keep: Patient, merged: Patient) -> None:
        self._patients.records.lock(person, keep.key, merged.key)  # somebody may decide about them at this moment
        roots = self._patients.records.root
        if roots(keep).id == roots(merged).id:
            return
        if merged.identity == Identity.MERGED:
            raise Rejected(_MERGED)
        if {keep.identity, merged.identity} & {Identity.UNCLEAR, Identity.SEPARATE}:
            raise Rejected(_UNCLEAR)
        if contradictions(roots(keep).facts, merged.facts):
            raise Rejected(_NOT_ONE)
        self._studies.merge(person, roots(keep).key, merged.key)

    def _sure(self, person: Person, facts: PatientFacts) -> Patient | None:
        """Find a record that does not contradict what is said of it."""
        record = self._known(person, facts)
        if record is not None and contradictions(record.facts, facts):
            raise Rejected(_ANOTHER)
        return record

    def _known(self, person: Person, facts: PatientFacts) -> Patient | None:
        """Find the record that a number means; None where no record has it.

        Raises
        ------
        Rejected
            If it is not sure which it is.
        """
        rules, records = self._patients.rules, self._patients.records
        rivals = [
            one for one in records.having(person, facts.identifier) if not rules.is_of_another_issuer(one.facts, facts)
        ]
        if not rivals:
            return None
        match = self._patients.match(person, facts)
        if match is not None:
            record = match.merged_from_id or match.patient.id
            return next(one for one in rivals if one.id == record)
        if len(rivals) > 1:
            raise Rejected(_SEVERAL)
        return rivals[0]

    def _corrected(self, person: Person, record: Patient, stated: StatedPatient) -> PatientFacts:
        """Return what is known of a patient from now on."""
        known, said = record.facts, stated.facts
        cleared = [name for name in stated.cleared if getattr(known, name)]
        found = [*contradictions(known, said), *cleared]
        if found:
            self._may_correct(person, record, said, found)
        if "name" in found:
            known = replace(known, name="", ideographic="", phonetic="")
        corrected = replace(said.filled(known), identifier=known.identifier, issuer=known.issuer or said.issuer)
        if not known.issuer and len(self._patients.records.having(person, known.identifier)) > 1:
            corrected = replace(corrected, issuer="")
        nothing = PatientFacts()
        return replace(corrected, **{name: getattr(nothing, name) for name in cleared})

    def _may_correct(self, person: Person, record: Patient, said: PatientFacts, found: list[str]) -> None:
        """Require that one fact alone changes, that another agrees, and that nobody here corrected the record."""
        known = record.facts
        has_same_name = bool(known.names and said.names) and "name" not in found
        was_born_then = known.birth_date is not None and known.birth_date == said.birth_date
        if len(found) > 1 or record.is_unclear or not (has_same_name or was_born_then):
            raise Rejected(_ANOTHER)
        if any(change.person_name != person.name for change in self._patients.history(person, record)):
            raise Rejected(_CORRECTED)
