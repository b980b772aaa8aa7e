"""The rules of patients: an identifier within its issuer is one patient, as long as nothing contradicts."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound, Rejected
from lungwise.films.dicom.header import is_possible_birth
from lungwise.films.refusals import N_
from lungwise.patients.identity import Identity, IdentityRules, PatientFacts, contradictions, full_identity
from lungwise.patients.models import Patient, PatientChange
from lungwise.patients.search import index_of, words_of
from lungwise.store import Clock, CollisionError, keys_of, new_key

__all__ = ["FEW", "PAGE", "Identity", "IdentityRules", "Patient", "PatientChange", "PatientFacts", "Patients", "Placed"]

PAGE = 50
LISTED = 200
"""Patients whose identity is unclear, or was settled, that one list shows."""
FEW = 2000
"""So many patients' studies are asked for by their numbers; of more, a walk in the list's order soon meets a page."""
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LONGEST_SEARCH, MOST_WORDS = 256, 50
"""Letters and words that are searched for at once."""
REINDEXED_AT_ONCE = 200
_ONE_PATIENT = N_("Another patient has this identifier. Merge the two if they are one person.")


@dataclass(frozen=True, slots=True)
class Placed:
    """Whose a film is. `apart_id` is the record that it came under, where a person said that it is this patient."""

    patient: Patient
    apart_id: int | None = None


class Patients:
    """The patients of every clinic, each person seeing their own clinic's."""

    def __init__(self, session: Session, clock: Clock, audit: AuditTrail, rules: IdentityRules | None = None) -> None:
        self.rules = rules or IdentityRules()
        self._session = session
        self._clock = clock
        self._audit = audit
        self._keys = keys_of(session)

    def search(self, person: Person, text: str, after: int | None = None) -> list[Patient]:
        """List a page of patients, the newest first, who have words that begin as the searched ones do."""
        person.need(Right.SEE)
        if self._has_words(text):
            return self._page(person, text, after)
        query = select(Patient).where(Patient.clinic_id == person.clinic_id, Patient.identity != Identity.MERGED)
        if after is not None:
            query = query.where(Patient.id < after)
        return list(self._session.scalars(query.order_by(Patient.id.desc()).limit(PAGE)))

    def matching(self, person: Person, text: str) -> list[int] | None:
        """Give the ids of the patients whom a text finds, the newest first; none where it has no words.

        Of more than a few not all are given: ask then which ones of those at hand are `among` them.

        Raises
        ------
        Rejected
            If the text is too long, or has too many words.
        """
        person.need(Right.SEE)
        if not self._has_words(text):
            return None
        return index_of(self._session).find(self._session, person.clinic_id, text, most=FEW + 1)

    def among(self, person: Person, text: str, asked: Iterable[int]) -> set[int]:
        """Give those of these patients whom a text finds."""
        person.need(Right.SEE)
        return index_of(self._session).among(self._session, person.clinic_id, text, asked)

    def _has_words(self, text: str) -> bool:
        words = words_of(text) if len(text) <= LONGEST_SEARCH else []
        if len(text) > LONGEST_SEARCH or len(words) > MOST_WORDS:
            raise Rejected("This search is too long. Search for fewer words.")
        return bool(words)

    def _page(self, person: Person, text: str, after: int | None) -> list[Patient]:
        """Fetch the first patients whom a text finds; those who are gone make room for others."""
        index = index_of(self._session)
        while True:
            found = index.find(self._session, person.clinic_id, text, after=after, most=PAGE)
            there = self.by_ids(person, found)
            if len(there) == len(found):
                return [there[number] for number in found]
            index.forget(person.clinic_id, set(found) - there.keys())

    def get(self, person: Person, key: str) -> Patient:
        """Find a patient of the person's clinic."""
        person.need(Right.SEE)
        found = self.record(person, key)
        if found.identity == Identity.MERGED:
            raise NotFound
        return found

    def by_ids(self, person: Person, ids: Iterable[int]) -> dict[int, Patient]:
        """Give the patients of these ids that are of the person's clinic."""
        person.need(Right.SEE)
        patients = self._session.scalars(select(Patient).where(Patient.id.in_(set(ids))))
        return {patient.id: patient for patient in patients if patient.clinic_id == person.clinic_id}

    def having(self, person: Person, identifier: str) -> list[Patient]:
        """List the patients of the person's clinic who have an identifier, the first of them first."""
        person.need(Right.SEE)
        return [patient for patient in self._having(person, identifier) if patient.identity != Identity.MERGED]

    def ids_having(self, person: Person, identifier: str) -> list[int]:
        """Give the ids of those who have an identifier, also by a record that was merged into theirs."""
        person.need(Right.SEE)
        return [self._root(record).id for record in self._having(person, identifier)]

    def rivals(self, person: Person, patient: Patient) -> list[Patient]:
        """List the other patients who have this patient's identifier."""
        return [other for other in self.having(person, patient.identifier) if other.id != patient.id]

    def find_or_add(self, person: Person, facts: PatientFacts) -> Patient:
        """Give the patient whom facts mean, added where there is none; see `place`."""
        return self.place(person, facts).patient

    def place(self, person: Person, facts: PatientFacts) -> Placed:
        """Say whose a film is, and add them where nobody is known yet; what was not known of them is filled in.

        Where the facts contradict what is known of those who have this identifier, nothing is merged: the film's is a
        patient of its own whose identity is unclear, the same for all films of the same facts.

        Raises
        ------
        Rejected
            If the birth date cannot be right.
        IntegrityError
            If the same patient is being added at this moment.
        """
        person.need(Right.UPLOAD)
        facts = self._checked(facts)
        known = self._having(person, facts.identifier) if facts.identifier else []
        meant = self._meant(known, facts)
        if meant is None:
            return Placed(self._add(person, facts, known))
        patient = self._root(meant)
        if patient.id == meant.id:
            self._learn(person, patient, known, facts)
        return Placed(patient, None if patient.id == meant.id else meant.id)

    def learn(self, person: Person, patient: Patient, facts: PatientFacts) -> None:
        """Fill in what was not known of a patient to whose study a film goes, so that the next film is held to it.

        Raises
        ------
        CollisionError
            If somebody else fills in something at this moment.
        """
        person.need(Right.UPLOAD)
        said = facts if facts.identifier else replace(facts, issuer="")
        self._learn(person, patient, self._having(person, patient.identifier), said)

    def meant(self, person: Person, facts: PatientFacts) -> Placed | None:
        """Say whom facts mean, without adding anybody; nobody where that is not sure."""
        person.need(Right.SEE)
        meant = self._meant(self._having(person, facts.identifier), facts) if facts.identifier else None
        if meant is None:
            return None
        patient = self._root(meant)
        return Placed(patient, None if patient.id == meant.id else meant.id)

    def change(self, person: Person, key: str, facts: PatientFacts) -> Patient:
        """Correct a patient; what was known before is kept beside, and films that say so still find them.

        Raises
        ------
        Rejected
            If the identifier is empty or another patient's, or the birth date cannot be right.
        """
        person.need(Right.KEEP_PATIENTS)
        patient = self.get(person, key)
        facts = self._checked(facts)
        if not facts.identifier:
            raise Rejected("A patient needs an identifier.")
        same_number = facts.identifier == patient.identifier
        known: list[Patient] = []
        if not same_number or facts.issuer != patient.facts.issuer:
            known = [other for other in self._having(person, facts.identifier) if other.id != patient.id]
            if any(not self.rules.is_of_another_issuer(other.facts, facts) for other in known):
                raise Rejected(_ONE_PATIENT)
            if patient.is_unclear:  # the number was wrong: this one is nobody else's
                patient.identity = Identity.CLEAR
        self._remember(person, patient)
        patient.facts = facts
        self._index(patient, first=None if same_number else not known)
        self._audit.record(person, "changed", "patient", patient.key)
        return patient

    def history(self, person: Person, patient: Patient) -> list[PatientChange]:
        """List what was known of a patient before each change, the newest first."""
        person.need(Right.SEE)
        query = select(PatientChange).where(PatientChange.patient_id == patient.id).order_by(PatientChange.id.desc())
        return list(self._session.scalars(query))

    def count_unclear(self, person: Person) -> int:
        """Count the clinic's patients whose identity is unclear."""
        query = select(func.count()).select_from(Patient).where(*self._of(person, Identity.UNCLEAR))
        return self._session.scalar(query) or 0

    def unclear(self, person: Person) -> list[Patient]:
        """List the clinic's patients whose identity is unclear, the oldest first."""
        person.need(Right.KEEP_PATIENTS)
        query = select(Patient).where(*self._of(person, Identity.UNCLEAR)).order_by(Patient.id).limit(LISTED)
        return list(self._session.scalars(query))

    def settled(self, person: Person) -> list[Patient]:
        """List those of whom somebody said who they are, the last first."""
        person.need(Right.KEEP_PATIENTS)
        query = select(Patient).where(*self._of(person, Identity.MERGED, Identity.SEPARATE))
        return list(self._session.scalars(query.order_by(Patient.changed_at.desc(), Patient.id.desc()).limit(LISTED)))

    def record(self, person: Person, key: str) -> Patient:
        """Find a record of the person's clinic, also one that was merged into another."""
        person.need(Right.SEE)
        found = self._session.scalar(select(Patient).where(Patient.key == key, Patient.clinic_id == person.clinic_id))
        if found is None:
            raise NotFound
        return found

    def lock(self, person: Person, *keys: str) -> None:
        """Let nobody else say who these are before this transaction ends."""
        query = select(Patient).where(Patient.key.in_(keys), Patient.clinic_id == person.clinic_id)
        locked = query.order_by(Patient.id).with_for_update().execution_options(populate_existing=True)
        self._session.scalars(locked).all()

    def root(self, patient: Patient) -> Patient:
        """Give the patient whom a record was merged into, at last; itself where it was not."""
        return self._root(patient)

    def separate(self, person: Person, key: str) -> Patient:
        """Say that a patient whose identity is unclear is a person of their own, who has the same identifier."""
        patient = self.get(person, key)
        if not patient.is_unclear:
            raise Rejected("Somebody has said already who this patient is.")
        patient.identity, patient.identity_before = Identity.SEPARATE, patient.identity
        self._audit.record(person, "settled", "patient", patient.key)
        return patient

    def merge(self, person: Person, kept: Patient, gone: Patient) -> None:
        """Make a record part of another, which takes from it what it did not say. Both stay, so it can be undone."""
        filled = kept.facts.filled(replace(gone.facts, identifier="", issuer=""))
        if filled != kept.facts:
            self._remember(person, kept, gone)
            kept.facts = filled
        gone.identity, gone.identity_before, gone.same_as_id = Identity.MERGED, gone.identity, kept.id
        self._index(kept)
        self._audit.record(person, "merged", "patient", gone.key)

    def undo(self, person: Person, patient: Patient) -> None:
        """Take back what a person said of who a patient is."""
        if patient.identity not in (Identity.MERGED, Identity.SEPARATE):
            raise Rejected("Nobody has said yet who this patient is.")
        kept = self._session.get(Patient, patient.same_as_id) if patient.same_as_id else None
        if kept is not None:
            self._take_back(kept, patient)
        patient.identity, patient.identity_before, patient.same_as_id = (
            patient.identity_before or Identity.CLEAR,
            None,
            None,
        )
        self._session.flush()
        self._audit.record(person, "took back", "patient", patient.key)

    def merged_into(self, patient: Patient) -> list[Patient]:
        """List the records that were merged into a patient, also through others."""
        found: list[Patient] = []
        into = [patient.id]
        while into:
            more = self._session.scalars(select(Patient).where(Patient.same_as_id.in_(into))).all()
            found += more
            into = [record.id for record in more]
        return found

    def remove(self, person: Person, patient: Patient, deed: str) -> None:
        """Delete a patient who has no studies any more, and every record that was merged into them."""
        for record in (*reversed(self.merged_into(patient)), patient):
            self._session.execute(delete(PatientChange).where(PatientChange.patient_id == record.id))
            self._session.delete(record)
            self._session.flush()
        index_of(self._session).forget(patient.clinic_id, [patient.id])
        self._audit.record(person, deed, "patient", patient.key)

    def count_stale(self) -> int:
        """Count the patients of all clinics who are indexed under another key than the first."""
        return self._session.scalar(select(func.count()).select_from(Patient).where(self._is_stale())) or 0

    def reindex(self, after: int) -> tuple[int, int | None]:
        """Index some patients of all clinics anew, under the first key; say how many, and after whom to go on."""
        query = select(Patient).where(Patient.id > after, self._is_stale()).order_by(Patient.id)
        patients = self._session.scalars(query.limit(REINDEXED_AT_ONCE).with_for_update()).all()
        for patient in patients:
            self._index(patient)
        return len(patients), patients[-1].id if patients else None

    def _of(self, person: Person, *identities: Identity) -> tuple[ColumnElement[bool], ...]:
        return Patient.clinic_id == person.clinic_id, Patient.identity.in_([one.value for one in identities])

    def _is_stale(self) -> ColumnElement[bool]:
        return Patient.identifier_index.not_like(f"{self._keys.names[0]}%")

    def _having(self, person: Person, identifier: str) -> list[Patient]:
        indexes = self._keys.indexes(identifier_place(person.clinic_id), identifier.strip())
        query = select(Patient).where(Patient.clinic_id == person.clinic_id, Patient.identifier_index.in_(indexes))
        return list(self._session.scalars(query.order_by(Patient.id)))

    def _meant(self, known: Sequence[Patient], facts: PatientFacts) -> Patient | None:
        """Choose the nearest of those who have the identifier; nobody where two are as near and not one person."""
        identities = self._keys.indexes(*self._identity(facts, known[0].clinic_id)) if known else []
        if same := next((patient for patient in known if patient.identity_index in identities), None):
            return same
        near = [(self._nearness(patient, facts), patient) for patient in known]
        best = max((nearness for nearness, _patient in near), default=0)
        if self._is_of_several(known, facts) and not self.rules.is_told_apart(best):
            return None
        nearest = [patient for nearness, patient in near if nearness == best > 0]
        return nearest[0] if len({self._root(patient).id for patient in nearest}) == 1 else None

    def _is_of_several(self, known: Sequence[Patient], facts: PatientFacts) -> bool:
        """Say whether more than one person has this number of this issuer."""
        same = [patient for patient in known if not self.rules.is_of_another_issuer(patient.facts, facts)]
        return len({self._root(patient).id for patient in same}) > 1

    def _nearness(self, patient: Patient, facts: PatientFacts) -> int:
        """Compare with what is known of a patient, and where that contradicts with what was known before."""
        nearness = self.rules.nearness(patient.facts, facts)
        if nearness or not contradictions(patient.facts, facts):
            return nearness
        former = (replace(before, issuer=patient.facts.issuer) for before in self._former(patient))
        return max((self.rules.nearness(before, facts) for before in former), default=0)

    def _former(self, patient: Patient) -> Iterator[PatientFacts]:
        """Walk back over what was known of a patient, as long as it can be the same person's.

        Who marries has a new name and the old birth date; where both changed at once, it was another person's record.
        """
        query = select(PatientChange).where(PatientChange.patient_id == patient.id, PatientChange.cause_id.is_(None))
        later = patient.facts
        for change in self._session.scalars(query.order_by(PatientChange.id.desc())):
            if len(contradictions(later, change.facts)) > 1:
                return
            later = change.facts
            yield later

    def _root(self, patient: Patient) -> Patient:
        while patient.same_as_id is not None:
            kept = self._session.get(Patient, patient.same_as_id)
            if kept is None:
                break
            patient = kept
        return patient

    def _learn(self, person: Person, patient: Patient, known: Sequence[Patient], facts: PatientFacts) -> None:
        before = patient.facts
        filled = self._filled(patient, known, facts)
        if filled == before:
            return
        self.lock(person, patient.key)
        if patient.facts != before:
            raise CollisionError(f"Patient {patient.key} is being changed.")
        patient.facts = filled
        self._index(patient)

    def _filled(self, patient: Patient, known: Sequence[Patient], facts: PatientFacts) -> PatientFacts:
        """Fill in what was not known; an issuer only where this identifier is nobody else's."""
        said = replace(facts, issuer="") if len(known) > 1 else facts
        former_name = bool(patient.facts.names and facts.names and contradictions(patient.facts, facts))
        said = replace(said, name="", ideographic="", phonetic="") if former_name else said
        return patient.facts.filled(said)

    def _add(self, person: Person, facts: PatientFacts, known: Sequence[Patient]) -> Patient:
        rivals = [other for other in known if not self.rules.is_of_another_issuer(other.facts, facts)]
        patient = Patient(key=new_key(), clinic_id=person.clinic_id, created_at=self._clock())
        patient.identity = Identity.UNCLEAR if rivals else Identity.CLEAR
        patient.facts = replace(facts, identifier=facts.identifier or _new_identifier())
        self._index(patient, first=not known)
        self._audit.record(person, "added", "patient", patient.key)
        return patient

    def _identity(self, facts: PatientFacts, clinic_id: int) -> tuple[str, str]:
        """Say what a patient is unique by who is not the first of an identifier, and the place of its index."""
        return f"patients.identity {clinic_id}", full_identity(facts, self.rules.issuer(facts))

    def _index(self, patient: Patient, *, first: bool | None = None) -> None:
        """Index a patient's identifier; who is the first to have theirs is unique by it, and others by all they are."""
        if first is None:
            first = patient.identity_index == patient.identifier_index
        patient.identifier_index = self._keys.index(identifier_place(patient.clinic_id), patient.identifier)
        if first:
            patient.identity_index = patient.identifier_index
        elif not (patient.identity_index or "").startswith(self._keys.names[0]):
            patient.identity_index = self._keys.index(*self._identity(patient.facts, patient.clinic_id))
        self._session.add(patient)
        self._session.flush()

    def _remember(self, person: Person, patient: Patient, cause: Patient | None = None) -> None:
        change = PatientChange(
            key=new_key(),
            patient_id=patient.id,
            cause_id=cause.id if cause else None,
            person_name=person.name,
            at=self._clock(),
        )
        change.facts = patient.facts
        self._session.add(change)

    def _take_back(self, kept: Patient, gone: Patient) -> None:
        """Take from a patient what they have of a record that was merged into them, unless it was changed since."""
        query = select(PatientChange).where(PatientChange.patient_id == kept.id, PatientChange.cause_id == gone.id)
        change = self._session.scalar(query.order_by(PatientChange.id.desc()))
        if change is None:
            return
        before, with_it = change.facts, change.facts.filled(replace(gone.facts, identifier="", issuer=""))
        taken = [field.name for field in fields(before) if getattr(before, field.name) != getattr(with_it, field.name)]
        unchanged = [name for name in taken if getattr(kept.facts, name) == getattr(with_it, name)]
        kept.facts = replace(kept.facts, **{name: getattr(before, name) for name in unchanged})
        self._session.delete(change)

    def _checked(self, facts: PatientFacts) -> PatientFacts:
        """Take the spaces off, and refuse a birth date that cannot be right."""
        if facts.birth_date and not is_possible_birth(facts.birth_date, self.today()):
            raise Rejected("This birth date cannot be right: it lies ahead, or more than 120 years back.")
        return replace(facts, identifier=facts.identifier.strip(), name=facts.name.strip(), issuer=facts.issuer.strip())

    def today(self) -> date:
        """Tell the day where the server stands."""
        return self._clock().astimezone().date()


def identifier_place(clinic_id: int) -> str:
    """Name the place of identifiers' blind indexes: one for each clinic, so that clinics cannot be compared."""
    return f"patients.identifier {clinic_id}"


def _new_identifier() -> str:
    return "LW-" + "".join(secrets.choice(_LETTERS) for _ in range(8))
