"""The rules of patients: found by whole words, one identifier each within a clinic."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, select
from sqlalchemy.orm import Session, aliased

from lungwise.accounts.person import Person, Right
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound, Rejected
from lungwise.patients.models import Patient, PatientWord
from lungwise.store import Clock, keys_of, new_key

__all__ = ["PAGE", "Found", "Patient", "PatientFacts", "Patients", "words_of"]

PAGE = 50
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
REINDEXED_AT_ONCE = 200
FEW = 5000
"""So many patients' studies are sorted quickly; of more, a walk in the list's order soon meets a page."""


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """What is known of a patient; an empty identifier asks for a new one."""

    identifier: str = ""
    name: str = ""
    sex: str = ""
    birth_date: date | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of the patients whom a text finds, for another query to build on.

    Where they are `few`, that query shall begin with them and sort what it finds: let it compare
    `clinic_id + 0`, which no index helps. Otherwise a database that has not counted its rows may walk
    the whole clinic in the list's order instead, in search of these few.
    """

    ids: Select[int]
    few: bool


class Patients:
    """The patients of every clinic, each person seeing their own clinic's."""

    def __init__(self, session: Session, clock: Clock, audit: AuditTrail) -> None:
        self._session = session
        self._clock = clock
        self._audit = audit
        self._keys = keys_of(session)

    def search(self, person: Person, text: str, after: int | None = None) -> list[Patient]:
        """List a page of patients, the newest first, who have all of the searched words."""
        person.need(Right.SEE)
        found = self.matching(person, text)
        clinic = Patient.clinic_id + 0 if found.few else Patient.clinic_id  # see Found
        query = select(Patient).where(clinic == person.clinic_id)
        if words_of(text):
            query = query.where(Patient.id.in_(found.ids))
        if after is not None:
            query = query.where(Patient.id < after)
        return list(self._session.scalars(query.order_by(Patient.id.desc()).limit(PAGE)))

    def matching(self, person: Person, text: str) -> Found:
        """Find the patients who have all of the text's words; the rarest word leads, the others are looked up."""
        words = [self._keys.indexes(word_place(person.clinic_id), word) for word in words_of(text)]
        if not words:
            return Found(select(Patient.id).where(Patient.clinic_id == person.clinic_id), few=False)
        counts = [self._count(person, word) for word in words]
        lead = words.pop(counts.index(min(counts)))
        ids = select(PatientWord.patient_id).where(_is(PatientWord, person, lead))
        for word in words:
            other = aliased(PatientWord)
            ids = ids.where(exists().where(_is(other, person, word), other.patient_id == PatientWord.patient_id))
        return Found(ids, few=min(counts) <= FEW)

    def get(self, person: Person, key: str) -> Patient:
        """Find a patient of the person's clinic."""
        person.need(Right.SEE)
        found = self._session.scalar(select(Patient).where(Patient.key == key, Patient.clinic_id == person.clinic_id))
        if found is None:
            raise NotFound
        return found

    def by_ids(self, person: Person, ids: Iterable[int]) -> dict[int, Patient]:
        """Give the patients of these ids that are of the person's clinic."""
        person.need(Right.SEE)
        patients = self._session.scalars(select(Patient).where(Patient.id.in_(set(ids))))
        return {patient.id: patient for patient in patients if patient.clinic_id == person.clinic_id}

    def find_or_add(self, person: Person, facts: PatientFacts) -> Patient:
        """Give the patient of that identifier, added where there is none; empty fields are filled in."""
        person.need(Right.UPLOAD)
        found = self.by_identifier(person, facts.identifier.strip()) if facts.identifier.strip() else None
        if found is None:
            return self._add(person, facts)
        found.name = found.name or facts.name.strip()
        found.sex = found.sex or facts.sex
        found.birth_date = found.birth_date or facts.birth_date
        self._index(found)
        return found

    def change(self, person: Person, key: str, facts: PatientFacts) -> Patient:
        """Correct a patient.

        Raises
        ------
        Rejected
            If the identifier is empty or another patient's.
        """
        person.need(Right.KEEP_PATIENTS)
        patient = self.get(person, key)
        identifier = facts.identifier.strip()
        if not identifier:
            raise Rejected("A patient needs an identifier.")
        other = self.by_identifier(person, identifier)
        if other is not None and other.id != patient.id:
            raise Rejected("Another patient has this identifier. Merge the two if they are one person.")
        patient.identifier, patient.name = identifier, facts.name.strip()
        patient.sex, patient.birth_date = facts.sex, facts.birth_date
        self._index(patient)
        self._audit.record(person, "changed", "patient", patient.key)
        return patient

    def remove(self, person: Person, patient: Patient, deed: str) -> None:
        """Delete a patient who has no studies any more."""
        self._session.execute(delete(PatientWord).where(PatientWord.patient_id == patient.id))
        self._session.delete(patient)
        self._session.flush()
        self._audit.record(person, deed, "patient", patient.key)

    def by_identifier(self, person: Person, identifier: str) -> Patient | None:
        """Find a patient of the person's clinic by the whole identifier."""
        person.need(Right.SEE)
        indexes = self._keys.indexes(identifier_place(person.clinic_id), identifier)
        query = select(Patient).where(Patient.clinic_id == person.clinic_id, Patient.identifier_index.in_(indexes))
        return self._session.scalar(query)

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

    def _count(self, person: Person, word: list[str]) -> int:
        """Count the patients who have a word, no further than needed."""
        some = select(PatientWord.patient_id).where(_is(PatientWord, person, word)).limit(FEW + 1)
        return self._session.scalar(select(func.count()).select_from(some.subquery())) or 0

    def _is_stale(self) -> ColumnElement[bool]:
        return Patient.identifier_index.not_like(f"{self._keys.names[0]}%")

    def _add(self, person: Person, facts: PatientFacts) -> Patient:
        patient = Patient(
            key=new_key(),
            clinic_id=person.clinic_id,
            identifier=facts.identifier.strip() or _new_identifier(),
            name=facts.name.strip(),
            sex=facts.sex,
            birth_date=facts.birth_date,
            created_at=self._clock(),
        )
        self._index(patient)
        self._audit.record(person, "added", "patient", patient.key)
        return patient

    def _index(self, patient: Patient) -> None:
        patient.identifier_index = self._keys.index(identifier_place(patient.clinic_id), patient.identifier)
        self._session.add(patient)
        self._session.flush()
        self._session.execute(delete(PatientWord).where(PatientWord.patient_id == patient.id))
        words = {*words_of(patient.name), *words_of(patient.identifier), patient.identifier.casefold()[:64]}
        self._session.add_all(
            PatientWord(
                clinic_id=patient.clinic_id,
                word=self._keys.index(word_place(patient.clinic_id), word),
                patient_id=patient.id,
            )
            for word in words
            if word
        )
        self._session.flush()


def _is(table: type[PatientWord], person: Person, word: list[str]) -> ColumnElement[bool]:
    return and_(table.clinic_id == person.clinic_id, table.word.in_(word))


def identifier_place(clinic_id: int) -> str:
    """Name the place of identifiers' blind indexes: one for each clinic, so that clinics cannot be compared."""
    return f"patients.identifier {clinic_id}"


def word_place(clinic_id: int) -> str:
    """Name the place of the words' blind indexes."""
    return f"patient_words.word {clinic_id}"


def words_of(text: str) -> list[str]:
    """Split a text into words as search compares them: without case, accents or punctuation."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    # Of the marks only Latin accents go: in Devanagari the marks are the vowels.
    plain = "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")
    return [word[:64] for word in re.split(r"[\s,.;^/'\u2019\"()\-_]+", plain) if word]


def _new_identifier() -> str:
    return "LW-" + "".join(secrets.choice(_LETTERS) for _ in range(8))
